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
	Mix  Mode = "mix"  // through the server: all send to it and receive the mix
	Mesh Mode = "mesh" // to each other: the server forwards their signalling and receives no media
)

// Mode is that of a room, open or not. It is Mix for rooms that are not configured.
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

// checkMode refuses members with media in a mesh room, and mesh members in a mixed room.
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
