package room

import (
	"fmt"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// Mode is how the participants of a room are connected.
type Mode string

// The modes of rooms.
const (
	Mix  Mode = "mix"  // all participants are connected to the server, send their media to it and receive the mix
	Mesh Mode = "mesh" // the participants are connected to each other; the server forwards their signalling and gets no media
)

// Mode returns the mode of a room, whether the room is open or not. A room that is not configured has the mode Mix.
func (reg *Registry) Mode(name string) Mode { return reg.cfg.Rooms[name].mode() }

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
	return fmt.Errorf("rooms.%s.mode: %q: accepted are %s, %s", room, mixer.ClipName(string(s.Mode)), Mix, Mesh)
}

// checkMode refuses a join if Joining.Mesh does not match the mode of the room.
func (reg *Registry) checkMode(name string, j Joining) error {
	mode := reg.Mode(name)
	if mode == Mesh && !j.Mesh {
		return refusal.New(CodeMesh, "room %s is a mesh: its clients are connected to each other; accepted are clients of /signaling, and rooms that mix", name)
	}
	if mode == Mix && j.Mesh {
		return refusal.New(CodeBadRoom, "room %s mixes; accepted in it are clients that send to the server", name)
	}
	return nil
}
