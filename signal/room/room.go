package room

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer/hub"
	"azulejo/signal/refusal"
)

// Room is one room's membership: a loop over commands.
type Room struct {
	registry  *Registry
	name      string
	permanent bool
	log       *slog.Logger

	refs       int    // members, joins in progress and places of members that are away; under registry.mu
	closeEmpty func() // ends the room; see newRoom

	overload atomic.Int32 // level of the mixer; the loop writes it

	empty    chan struct{} // closed by closeEmpty
	commands chan command
	done     chan struct{} // closed when commands are not accepted any more

	hub *hub.Hub // set before the first command runs

	// The fields below belong to the loop.
	places       []*place // of members that publish, in tile order
	next         int      // number of the next new place
	formerPlaces map[identity]formerPlace
	viewers      []*place
	members      map[*Member]struct{} // that have not left yet
	recordings   []*recording
	closing      bool // joins are refused
}

// command is applied by the loop.
type command interface{ apply(r *Room) }

func newRoom(reg *Registry, name string, permanent bool) *Room {
	empty := make(chan struct{})
	return &Room{
		registry: reg, name: name, permanent: permanent, log: reg.log.With("room", name),
		empty: empty, closeEmpty: sync.OnceFunc(func() { close(empty) }),
		commands: make(chan command), done: make(chan struct{}), members: map[*Member]struct{}{},
		next: len(reg.cfg.Rooms[name].Cameras), formerPlaces: map[identity]formerPlace{},
	}
}

// run runs the room until ctx ends, the last reference is released, or the mixer fails.
func (r *Room) run(ctx context.Context) error {
	defer close(r.done)
	h, err := hub.New(r.registry.cfg.Mixer, r.registry.cfg.Engine, r.log)
	if err != nil {
		return fmt.Errorf("make the engine: %w", err)
	}
	r.hub = h
	mixing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	mixed := make(chan error, 1)
	go func() { mixed <- h.Run(mixing) }()
	r.setViews()
	r.startRecordings(ctx)
	r.log.Info("room began")
	failure := r.loop(ctx, mixed)
	r.endMemberships(failure)
	stop()
	if failure == nil {
		failure = <-mixed
	}
	r.stopRecordings()
	r.log.Info("room ended")
	return failure
}

// loop applies the commands until the room ends. The error is that of a mixer that ended by itself.
func (r *Room) loop(ctx context.Context, mixed <-chan error) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
			r.everySecond()
		case <-r.empty:
			return nil
		case err := <-mixed:
			return fmt.Errorf("mixer ended: %w", err)
		case c := <-r.commands:
			c.apply(r)
		}
	}
}

// leaveTimeout is how long a closing room waits for its members to leave.
const leaveTimeout = 10 * time.Second

// endMemberships ends all memberships, waits until the members have stopped using the mixer, and closes the sources.
func (r *Room) endMemberships(failure error) {
	reason := errClosing()
	if failure != nil {
		reason = failure
	}
	r.closing = true
	for m := range r.members {
		m.end(reason)
	}
	deadline := time.After(leaveTimeout)
	for len(r.members) > 0 {
		select {
		case c := <-r.commands:
			c.apply(r)
		case <-deadline:
			r.log.Error("members did not leave a closing room", "members", len(r.members))
			clear(r.members)
		}
	}
	for _, p := range r.places {
		p.source.Close()
	}
	r.places, r.viewers = nil, nil
}

// submit gives c to the loop and tells whether the room accepted it. It returns before c is applied.
func (r *Room) submit(c command) bool {
	select {
	case r.commands <- c:
		return true
	case <-r.done:
		return false
	}
}

// broadcast sends the new state to all members except one, and ends the memberships whose backlog is full.
func (r *Room) broadcast(except *Member) {
	e := Event{Participants: r.participants(), Overload: int(r.overload.Load())}
	removed := false
	for m := range r.members {
		if m == except || m.events == nil || m.ended.Load() {
			continue
		}
		select {
		case m.events <- e:
		default:
			m.end(refusal.New(CodeSlow, "%d events were not read; accepted is a new connection that reads them", backlog))
			removed = r.keepPlace(m) || removed
		}
	}
	if removed {
		r.broadcast(nil)
	}
}

// everySecond expires places and reads the overload level.
func (r *Room) everySecond() {
	changed := r.expirePlaces(time.Now())
	level := r.registry.overloadOf(r.hub)
	if before := int(r.overload.Swap(int32(level))); level != before {
		r.log.Warn("overload changed", "level", level, "before", before)
		changed = true
	}
	if changed {
		r.broadcast(nil)
	}
}

func (r *Room) participants() []Participant {
	all := make([]Participant, 0, len(r.places))
	for _, p := range r.places {
		all = append(all, p.Participant)
	}
	return all
}
