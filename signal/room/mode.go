package room

import (
	"fmt"

	"azulejo/signal/refusal"
)

// Mode says who connects the participants of a room.
type Mode string

// The modes of rooms.
const (
	Mix  Mode = "mix"  // the server: everybody sends to it and gets the mix
	Mesh Mode = "mesh" // they themselves: the server passes on what they have to say to each other, and sees no media
)

// Mode is that of the room, whether it is open or not. Rooms that are not configured mix.
func (h *Registry) Mode(name string) Mode { return h.cfg.Rooms[name].mode() }

func (s Settings) mode() Mode {
	if s.Mode == "" {
		return Mix
	}
	return s.Mode
}

func (s Settings) validateMode(room string) error {
	switch s.mode() {
	case Mix:
		return nil
	case Mesh:
		if len(s.Cameras)+len(s.Views)+len(s.Record) > 0 {
			return fmt.Errorf("rooms.%s.mode: %q: accepted without cameras, views and record: there is nothing to show in a mesh", room, s.Mode)
		}
		return nil
	}
	return fmt.Errorf("rooms.%s.mode: %q: accepted are %s, %s", room, clip(string(s.Mode)), Mix, Mesh)
}

// checkMode keeps media out of a room that has no mixer's business.
func (h *Registry) checkMode(name string, j Joining) error {
	mode := h.Mode(name)
	if mode == Mesh && !j.Mesh {
		return refusal.New(CodeMesh, "room %s is a mesh: its clients are connected to each other; accepted are clients of /signaling, and rooms that mix", name)
	}
	if mode == Mix && j.Mesh {
		return refusal.New(CodeBadRoom, "room %s mixes; accepted in it are clients that send to the server", name)
	}
	return nil
}
