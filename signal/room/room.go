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

// Room is one open room. One goroutine, the loop, executes the commands of the room.
type Room struct {
	registry  *Registry
	name      string
	permanent bool
	log       *slog.Logger

	refs       int    // references: members, joins in progress, and places that are away; under registry.mu
	closeEmpty func() // closes empty, once

	overload atomic.Int32 // the level of overload; only the loop writes it

	empty    chan struct{} // closed when the last reference is released; the room ends then
	commands chan command
	done     chan struct{} // closed when the room has ended

	hub *hub.Hub // set before the loop executes the first command

	// Only the loop uses the fields below.
	places       []*place // of participants, sorted by number
	nextNumber   int      // the number of the next new place
	formerPlaces map[identity]formerPlace
	viewers      []*place             // of members that do not publish
	members      map[*Member]struct{} // whose command leave was not executed yet
	recordings   []*recording
	closing      bool // joins are refused
}

// command is a command of the room. The loop calls apply.
type command interface{ apply(r *Room) }

func newRoom(reg *Registry, name string, permanent bool) *Room {
	empty := make(chan struct{})
	return &Room{
		registry: reg, name: name, permanent: permanent, log: reg.log.With("room", name),
		empty: empty, closeEmpty: sync.OnceFunc(func() { close(empty) }),
		commands: make(chan command), done: make(chan struct{}), members: map[*Member]struct{}{},
		nextNumber: len(reg.cfg.Rooms[name].Cameras), formerPlaces: map[identity]formerPlace{},
	}
}

// run runs the room until ctx ends, the last reference is released, or the mixer fails. The error is that of the mixer.
func (r *Room) run(ctx context.Context) error {
	defer close(r.done)
	h, err := hub.New(r.registry.cfg.Mixer, r.registry.cfg.Engine, r.log)
	if err != nil {
		return fmt.Errorf("make the engine: %w", err)
	}
	r.hub = h
	mixerCtx, stopMixer := context.WithCancel(context.WithoutCancel(ctx)) // the mixer runs until all members have left
	defer stopMixer()
	mixerEnd := make(chan error, 1)
	go func() { mixerEnd <- h.Run(mixerCtx) }()
	r.setViews()
	r.startRecordings(ctx)
	r.log.Info("room began")
	failure := r.loop(ctx, mixerEnd)
	r.endMemberships(failure)
	stopMixer()
	if failure == nil {
		failure = <-mixerEnd
	}
	r.stopRecordings()
	r.log.Info("room ended")
	return failure
}

// loop executes commands until ctx ends, the last reference is released, or the mixer ends. It returns an error only if the
// mixer ended.
func (r *Room) loop(ctx context.Context, mixerEnd <-chan error) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.everySecond()
		case <-r.empty:
			return nil
		case err := <-mixerEnd:
			return fmt.Errorf("mixer ended: %w", err)
		case c := <-r.commands:
			c.apply(r)
		}
	}
}

// leaveTimeout is how long a room that ends waits until its members have called Leave or Lose.
const leaveTimeout = 10 * time.Second

// endMemberships ends all memberships, and waits until the members have called Leave or Lose. Then they do not use the mixer
// any more, and endMemberships closes the sources. The members get failure as the reason, unless it is nil.
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
		r.closeSource(p)
	}
	r.places, r.viewers = nil, nil
}

// submit gives c to the loop, and returns before the loop executes c. It returns false if the room has ended.
func (r *Room) submit(c command) bool {
	select {
	case r.commands <- c:
		return true
	case <-r.done:
		return false
	}
}

// broadcast sends the present state to all members except one (nil: to all). It ends the membership of each member whose
// queue of events is full.
func (r *Room) broadcast(except *Member) {
	e := Event{Participants: r.participants(), Overload: int(r.overload.Load())}
	visible := false
	for m := range r.members {
		if m == except || m.events == nil || m.ended.Load() {
			continue
		}
		select {
		case m.events <- e:
		default:
			m.end(refusal.New(CodeSlow, "%d events were not read; accepted is a new connection that reads them", backlog))
			visible = r.keepPlace(m) || visible
		}
	}
	if visible { // the remaining members see that places are away or removed
		r.broadcast(nil)
	}
}

// everySecond removes expired places, and reads the troubles of the sources and the level of overload. It broadcasts changes.
func (r *Room) everySecond() {
	changed := r.expirePlaces(time.Now())
	for _, p := range r.places {
		changed = changed || p.Trouble != p.trouble()
	}
	level := r.registry.overloadOf(r.hub)
	if before := int(r.overload.Swap(int32(level))); level != before {
		r.log.Warn("overload changed", "level", level, "before", before)
		changed = true
	}
	if changed {
		r.broadcast(nil)
	}
}

// participants returns the public descriptions of all that publish, with their present troubles.
func (r *Room) participants() []Participant {
	all := make([]Participant, 0, len(r.places))
	for _, p := range r.places {
		p.Trouble = p.trouble()
		all = append(all, p.Participant)
	}
	return all
}
