package room

import (
	"errors"
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

// Validate returns one error for each bad field, joined. Each names the field and what it accepts.
func (c Config) Validate() error {
	var errs []error
	for _, l := range []struct {
		name    string
		n, upTo int
	}{
		{"limits.rooms", c.Limits.Rooms, 10_000},
		{"limits.participants", c.Limits.Participants, 64},
		{"limits.viewers", c.Limits.Viewers, 100_000},
	} {
		if l.n < 0 || l.n > l.upTo {
			errs = append(errs, fmt.Errorf("%s: %d: accepted are 1 to %d", l.name, l.n, l.upTo))
		}
	}
	if c.Grace < 0 || c.Grace > time.Hour {
		errs = append(errs, fmt.Errorf("grace: %v: accepted are 0 to 1h", c.Grace))
	}
	for _, name := range c.names() {
		if err := mixer.CheckRoomName(name); err != nil {
			errs = append(errs, fmt.Errorf("rooms.%s: room %w", mixer.ClipName(name), err))
			continue
		}
		errs = append(errs, c.Rooms[name].validateMode(name), c.Rooms[name].validateViews(name), c.Rooms[name].validateRecord(name))
	}
	if n := c.Limits.withDefaults().Rooms; len(c.Rooms) > n {
		errs = append(errs, fmt.Errorf("rooms: %d are configured; accepted are limits.rooms = %d", len(c.Rooms), n))
	}
	return errors.Join(errs...)
}

func (s Settings) validateRecord(room string) error {
	var errs []error
	accepted := s.streams()
	for i, stream := range s.Record {
		if !slices.Contains(accepted, stream) {
			errs = append(errs, fmt.Errorf("rooms.%s.record[%d]: %q: accepted are views of the room: %s",
				room, i, mixer.ClipName(stream), strings.Join(accepted, ", ")))
		} else if slices.Contains(s.Record[:i], stream) {
			errs = append(errs, fmt.Errorf("rooms.%s.record[%d]: %q twice: accepted is each once", room, i, stream))
		}
	}
	return errors.Join(errs...)
}

func (s Settings) validateViews(room string) error {
	var errs []error
	if len(s.Views) > maxViews {
		errs = append(errs, fmt.Errorf("rooms.%s.views: %d of them: accepted are at most %d", room, len(s.Views), maxViews))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Views)) {
		if err := mixer.CheckRoomName(name); err != nil {
			errs = append(errs, fmt.Errorf("rooms.%s.views.%s: view %w", room, mixer.ClipName(name), err))
		} else if err := s.Views[name].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("rooms.%s.views.%s.%w", room, name, err))
		}
	}
	return errors.Join(errs...)
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
