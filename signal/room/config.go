package room

import (
	"fmt"
	"slices"
	"sort"

	"azulejo/mixer"
)

// Config is the same for all rooms of a house but for what Rooms says.
type Config struct {
	Mixer  mixer.Config // of every room; Epoch is set when a room begins
	Limits Limits
	Rooms  map[string]Settings // open from the start and never closed
}

// Settings of one configured room.
type Settings struct {
	Record []string // what is recorded: views
}

// Limits bound what strangers can cost. Zero means the default.
type Limits struct {
	Rooms        int // in the house
	Participants int // in a room: who publishes
	Viewers      int // in a room: who only views
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
	for i, stream := range s.Record {
		if stream != mainView {
			return fmt.Errorf("rooms.%s.record: %q: accepted is %s", room, stream, mainView)
		}
		if slices.Contains(s.Record[:i], stream) {
			return fmt.Errorf("rooms.%s.record: %q twice: accepted is each once", room, stream)
		}
	}
	return nil
}

func (c Config) names() []string {
	names := make([]string, 0, len(c.Rooms))
	for name := range c.Rooms {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

const mainView = "main"
