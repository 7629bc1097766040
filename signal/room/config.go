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

// Config configures a registry. Rooms has the settings of single rooms. All other fields apply to every room.
type Config struct {
	Mixer  mixer.Config // Epoch is set when a room starts
	Engine hub.Start    // makes the engine of a room
	Limits Limits
	Grace  time.Duration // how long a participant keeps its place after its connection broke; zero: DefaultGrace
	// ConditionChanged is called after the condition of a participant's source has changed; nil: nothing is called. id and name
	// are those of the participant. Goroutines of the mixer call it, so it must not block.
	ConditionChanged func(room, id, name string, c mixer.Condition)
	// SourceLeft is called when the source of a participant is removed from its room; nil: nothing is called. ConditionChanged is
	// not called for this source any more. Another source may come with the same id, when a member joins again with its key.
	// SourceLeft must not block.
	SourceLeft func(room, id, name string)
	Rooms      map[string]Settings // the configured rooms, by name; they are open as long as the registry runs
}

// Settings are the settings of one configured room.
type Settings struct {
	Mode    Mode                  // empty: Mix
	Cameras []string              // names of cameras; they get the first places in this order, no matter when they join
	Views   map[string]mixer.View // named views; the room also has the view main, which is a grid unless it is set here
	Record  []string              // names of the recorded views
}

// DefaultGrace is the default of Config.Grace.
const DefaultGrace = 15 * time.Second

// maxViews is the largest number of named views in a room.
const maxViews = 64

// Limits bound the load that clients can cause. Zero means the default.
type Limits struct {
	Rooms        int // open rooms of the registry
	Participants int // members of one room that publish
	Viewers      int // members of one room that do not publish
}

// Defaults of Limits.
const (
	DefaultRooms        = 100
	DefaultParticipants = 64
	DefaultViewers      = 1000
)

func (l Limits) withDefaults() Limits {
	set := func(limit *int, value int) {
		if *limit == 0 {
			*limit = value
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

// streams returns the names of the views that can be recorded, main first. For the recorder, each recorded view with the
// room's audio is one stream.
func (s Settings) streams() []string {
	all := []string{mixer.MainView}
	for _, name := range slices.Sorted(maps.Keys(s.Views)) {
		if name != mixer.MainView {
			all = append(all, name)
		}
	}
	return all
}

// names returns the names of the configured rooms, sorted.
func (c Config) names() []string { return slices.Sorted(maps.Keys(c.Rooms)) }
