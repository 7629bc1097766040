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

	held  int    // members, joins on their way, and places kept for who is away; under registry.mu
	empty func() // ends the room; see newRoom

	overload atomic.Int32 // the mixer's; the loop writes it

	over     chan struct{} // closed by empty
	commands chan command
	done     chan struct{} // closed when no more commands are taken

	hub *hub.Hub // set before the first command runs

	// What follows belongs to the loop.
	places     []*place // who publishes, in tile order
	next       int      // number of the next new place
	departed   map[who]departure
	viewers    []*place
	members    map[*Member]struct{} // everybody who has not left yet
	recordings []*recording
	ending     bool // nobody joins any more
}

// command is one thing the loop does.
type command interface{ do(r *Room) }

func newRoom(h *Registry, name string, permanent bool) *Room {
	over := make(chan struct{})
	return &Room{
		registry: h, name: name, permanent: permanent, log: h.log.With("room", name),
		over: over, empty: sync.OnceFunc(func() { close(over) }),
		commands: make(chan command), done: make(chan struct{}), members: map[*Member]struct{}{},
		next: len(h.cfg.Rooms[name].Cameras), departed: map[who]departure{},
	}
}

// run lives until ctx ends, nobody holds the room, or its mixer breaks.
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
	r.record(ctx)
	r.log.Info("room began")
	broken := r.loop(ctx, mixed)
	r.vacate(broken)
	stop()
	if broken == nil {
		broken = <-mixed
	}
	r.stopRecordings()
	r.log.Info("room ended")
	return broken
}

// loop is the life of the room; the error is the mixer's, which ended by itself.
func (r *Room) loop(ctx context.Context, mixed <-chan error) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
			r.watchOver()
		case <-r.over:
			return nil
		case err := <-mixed:
			return fmt.Errorf("mixer ended: %w", err)
		case c := <-r.commands:
			c.do(r)
		}
	}
}

// patience is how long a closing room waits for its members to let go.
const patience = 10 * time.Second

// vacate ends all memberships, waits for the members to stop using the mixer, and closes the
// sources.
func (r *Room) vacate(broken error) {
	reason := errClosing()
	if broken != nil {
		reason = broken
	}
	r.ending = true
	for m := range r.members {
		m.end(reason)
	}
	deadline := time.After(patience)
	for len(r.members) > 0 {
		select {
		case c := <-r.commands:
			c.do(r)
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

// do runs c in the loop and tells whether the room took it; it returns before c has run.
func (r *Room) do(c command) bool {
	select {
	case r.commands <- c:
		return true
	case <-r.done:
		return false
	}
}

// tell gives everybody but one the new state, and parts with those who do not listen.
func (r *Room) tell(but *Member) {
	e := Event{Participants: r.participants(), Overload: int(r.overload.Load())}
	parted := false
	for m := range r.members {
		if m == but || m.events == nil || m.over.Load() {
			continue
		}
		select {
		case m.events <- e:
		default:
			m.end(refusal.New(CodeSlow, "%d events were not read; accepted is a new connection that reads them", backlog))
			parted = r.lose(m) || parted
		}
	}
	if parted {
		r.tell(nil)
	}
}

// watchOver does what is to be done once a second.
func (r *Room) watchOver() {
	changed := r.giveUp(time.Now())
	level := r.registry.overload(r.hub)
	if before := int(r.overload.Swap(int32(level))); level != before {
		r.log.Warn("overload changed", "level", level, "before", before)
		changed = true
	}
	if changed {
		r.tell(nil)
	}
}

func (r *Room) participants() []Participant {
	all := make([]Participant, 0, len(r.places))
	for _, p := range r.places {
		all = append(all, p.Participant)
	}
	return all
}
