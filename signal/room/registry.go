package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"azulejo/mixer/hub"
	"azulejo/recorder"
	"azulejo/signal/refusal"
)

// Registry has all rooms of a server. A configured room lives as long as the registry. Any other room starts with its
// first member and ends with its last.
type Registry struct {
	cfg Config
	rec *recorder.Recorder // nil: nothing is recorded
	log *slog.Logger

	overloadOf func(*hub.Hub) int // the overload level; see mixer.Stats

	running chan struct{}  // closed when Run has started
	work    sync.WaitGroup // rooms; Add only under mu and while open

	mu    sync.Mutex
	ctx   context.Context // the life of Run; Join starts rooms in it
	open  bool
	rooms map[string]*Room
}

// restartDelay is the pause before a configured room that broke starts again.
const restartDelay = time.Second

// NewRegistry checks cfg. It starts nothing; Run does. rec may be nil if no room is recorded.
func NewRegistry(cfg Config, rec *recorder.Recorder, log *slog.Logger) (*Registry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Engine == nil {
		return nil, errors.New("rooms: there is no engine")
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Grace == 0 {
		cfg.Grace = DefaultGrace
	}
	for name, s := range cfg.Rooms {
		if len(s.Record) > 0 && rec == nil {
			return nil, fmt.Errorf("rooms.%s.record: %v: there is no recorder", name, s.Record)
		}
	}
	return &Registry{
		cfg: cfg, rec: rec, log: log, overloadOf: (*hub.Hub).Overload,
		running: make(chan struct{}), rooms: map[string]*Room{},
	}, nil
}

// Run opens the configured rooms and runs until ctx ends. Then it ends every membership, stops the mixers, finishes the
// recordings and returns. It is called once.
func (reg *Registry) Run(ctx context.Context) error {
	reg.mu.Lock()
	reg.ctx, reg.open = ctx, true
	for _, name := range reg.cfg.names() {
		reg.start(name, true)
	}
	reg.mu.Unlock()
	close(reg.running)
	<-ctx.Done()
	reg.mu.Lock()
	reg.open = false
	reg.mu.Unlock()
	reg.work.Wait()
	return nil
}

// start starts a room; reg.mu is held and the registry is open.
func (reg *Registry) start(name string, permanent bool) *Room {
	r := newRoom(reg, name, permanent)
	reg.rooms[name] = r
	ctx := reg.ctx
	reg.work.Go(func() { reg.supervise(ctx, r) })
	return r
}

// supervise runs a room, and starts a configured one again when it broke.
func (reg *Registry) supervise(ctx context.Context, r *Room) {
	err := r.run(ctx)
	reg.remove(r)
	if err == nil {
		return
	}
	r.log.Error("room broke", "error", err)
	if !r.permanent {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(restartDelay):
		reg.mu.Lock()
		defer reg.mu.Unlock()
		if reg.open && reg.rooms[r.name] == nil {
			reg.start(r.name, true)
		}
	}
}

func (reg *Registry) remove(r *Room) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if reg.rooms[r.name] == r {
		delete(reg.rooms, r.name)
	}
}

// acquire finds or starts a room, and keeps it open for one more member.
func (reg *Registry) acquire(name string) (*Room, error) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if !reg.open {
		return nil, errClosing()
	}
	r := reg.rooms[name]
	if r == nil {
		if err := reg.checkNewRoom(); err != nil {
			return nil, err
		}
		_, permanent := reg.cfg.Rooms[name]
		r = reg.start(name, permanent)
	}
	r.refs++
	return r, nil
}

// checkNewRoom checks whether another room may start; reg.mu is held.
func (reg *Registry) checkNewRoom() error {
	switch {
	case len(reg.rooms) >= reg.cfg.Limits.Rooms:
		return refusal.New(CodeRooms, "all %d rooms of this server are in use; accepted is joining one of them", reg.cfg.Limits.Rooms)
	case reg.anyOverloaded():
		return errOverloaded()
	}
	return nil
}

// retain adds a reference to a room that has one.
func (reg *Registry) retain(r *Room) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	r.refs++
}

// release undoes acquire or retain. The room ends with its last reference, unless it is configured.
func (reg *Registry) release(r *Room) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	r.refs--
	if r.refs > 0 || r.permanent {
		return
	}
	if reg.rooms[r.name] == r {
		delete(reg.rooms, r.name)
	}
	r.closeEmpty()
}

// Joining describes a member that joins.
type Joining struct {
	Name    string // see mixer.CheckName; may be empty for a viewer
	Key     string // a secret that reclaims the id of an earlier join, and its place if name and role are the same; may be empty
	Kind    Kind   // Peer when empty
	Publish Media  // neither: a viewer
	Screen  bool   // the video is a shared screen, which is never cropped
	Mesh    bool   // the member joins a mesh room, without media: it counts as a viewer; see Mode
	Layers  int    // versions of the video that it may send, see Member.WriteVideo; zero: one
}

// Join makes the caller a member of a room, which starts if it is not open. The caller calls Leave or Lose of the Member
// in the end. A [refusal.Error] is meant for the user.
func (reg *Registry) Join(ctx context.Context, name string, j Joining) (*Member, error) {
	j, err := j.clean(name)
	if err == nil {
		err = reg.checkMode(name, j)
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-reg.running:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := reg.acquire(name)
	if err != nil {
		return nil, err
	}
	m, err := r.join(j)
	if err != nil {
		reg.release(r)
		return nil, err
	}
	return m, nil
}

func (j Joining) clean(room string) (Joining, error) {
	if err := CheckName(room); err != nil {
		return j, err
	}
	if j.Kind == "" {
		j.Kind = Peer
	}
	if j.Kind == Peer && len(j.Key) > maxKey {
		return j, refusal.New(CodeBadKey, "a key of %d bytes: accepted are up to %d", len(j.Key), maxKey)
	}
	var err error
	j.Name, err = cleanName(j.Name, j.viewer())
	return j, err
}

func (j Joining) viewer() bool { return !j.Publish.Audio && !j.Publish.Video }

// Info describes one room. The error is a [refusal.Error] with CodeNoSuchRoom, or that of an engine that does not
// answer.
func (reg *Registry) Info(name string) (Info, error) {
	r := reg.find(name)
	if r == nil {
		return Info{}, errNoSuchRoom(name)
	}
	return r.info()
}

// find returns a room that is open, or nil.
func (reg *Registry) find(name string) *Room {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.rooms[name]
}

// List describes all rooms, sorted by name.
func (reg *Registry) List() []Info {
	all := []Info{}
	for _, name := range reg.roomNames() {
		info, err := reg.Info(name)
		var gone *refusal.Error
		if errors.As(err, &gone) {
			continue
		}
		all = append(all, info)
	}
	return all
}

func (reg *Registry) roomNames() []string {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return slices.Sorted(maps.Keys(reg.rooms))
}
