package room

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Config is the same for all rooms of a registry, except for Rooms.
type Config struct {
	Mixer  mixer.Config // of every room; Epoch is set when a room starts
	Engine hub.Start    // makes the engine of a room
	Limits Limits
	Grace  time.Duration       // how long a place is kept for a key whose connection broke; zero: DefaultGrace
	Rooms  map[string]Settings // open from the start and never closed
}

// Settings of one configured room.
type Settings struct {
	Mode    Mode                  // Mix when empty
	Cameras []string              // names of the cameras that have the first places, in this order, whenever they join
	Views   map[string]mixer.View // besides main, or instead of its grid
	Record  []string              // names of the recorded views
}

// DefaultGrace is how long a place is kept after its connection broke.
const DefaultGrace = 15 * time.Second

// maxViews is how many named views a room has at most.
const maxViews = 64

// Limits bound the load that clients can cause. Zero means the default.
type Limits struct {
	Rooms        int // in the registry
	Participants int // that publish, in a room
	Viewers      int // that only view, in a room
}

// Defaults of Limits.
const (
	DefaultRooms        = 100
	DefaultParticipants = 64
	DefaultViewers      = 1000
)

func (l Limits) withDefaults() Limits {
	set := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	set(&l.Rooms, DefaultRooms)
	set(&l.Participants, DefaultParticipants)
	set(&l.Viewers, DefaultViewers)
	return l
}

// Validate names the first bad field and what it accepts.
func (c Config) Validate() error {
	for _, l := range []struct {
		name    string
		n, upTo int
	}{
		{"limits.rooms", c.Limits.Rooms, 10_000},
		{"limits.participants", c.Limits.Participants, 64},
		{"limits.viewers", c.Limits.Viewers, 100_000},
	} {
		if l.n < 0 || l.n > l.upTo {
			return fmt.Errorf("%s: %d: accepted are 1 to %d", l.name, l.n, l.upTo)
		}
	}
	if c.Grace < 0 || c.Grace > time.Hour {
		return fmt.Errorf("grace: %v: accepted are 0 to 1h", c.Grace)
	}
	for _, name := range c.names() {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("rooms: %w", err)
		}
		if err := c.Rooms[name].validate(name); err != nil {
			return err
		}
	}
	if n := c.Limits.withDefaults().Rooms; len(c.Rooms) > n {
		return fmt.Errorf("rooms: %d are configured; accepted are limits.rooms = %d", len(c.Rooms), n)
	}
	return nil
}

func (s Settings) validate(room string) error {
	for _, check := range []func(string) error{s.validateMode, s.validateViews} {
		if err := check(room); err != nil {
			return err
		}
	}
	accepted := s.streams()
	for i, stream := range s.Record {
		if !slices.Contains(accepted, stream) {
			return fmt.Errorf("rooms.%s.record: %q: accepted are views of the room: %s", room, clip(stream), strings.Join(accepted, ", "))
		}
		if slices.Contains(s.Record[:i], stream) {
			return fmt.Errorf("rooms.%s.record: %q twice: accepted is each once", room, stream)
		}
	}
	return nil
}

func (s Settings) validateViews(room string) error {
	if len(s.Views) > maxViews {
		return fmt.Errorf("rooms.%s.views: %d of them: accepted are at most %d", room, len(s.Views), maxViews)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Views)) {
		if !validName(name) {
			return fmt.Errorf("rooms.%s.views: %q: accepted are %s", room, clip(name), acceptedNames)
		}
		if err := s.Views[name].Validate(); err != nil {
			return fmt.Errorf("rooms.%s.views.%s.%w", room, name, err)
		}
	}
	return nil
}

// streams are the names of the views that can be recorded, main first.
func (s Settings) streams() []string {
	all := []string{mixer.MainView}
	for _, name := range slices.Sorted(maps.Keys(s.Views)) {
		if name != mixer.MainView {
			all = append(all, name)
		}
	}
	return all
}

func (c Config) names() []string { return slices.Sorted(maps.Keys(c.Rooms)) }
