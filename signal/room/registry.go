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

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/recorder"
	"azulejo/signal/refusal"
)

// Registry has all open rooms of a server. A configured room is open as long as the registry runs. Any other room starts
// when its first member joins. It ends when all members have left and no place is kept for a participant that is away.
type Registry struct {
	cfg Config
	rec *recorder.Recorder // nil: nothing is recorded
	log *slog.Logger

	overloadOf func(*hub.Hub) int // returns the level of overload; tests replace it

	running chan struct{}  // closed when Run has started
	work    sync.WaitGroup // the goroutines of the rooms; Add only under mu and while open

	mu    sync.Mutex
	ctx   context.Context // of Run; all rooms run in it
	open  bool            // rooms can be joined
	rooms map[string]*Room
}

// restartDelay is the pause before a configured room starts again after a failure.
const restartDelay = time.Second

// NewRegistry checks cfg and makes a registry without open rooms. rec may be nil if no room is recorded.
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
// recordings and returns nil. It must be called only once.
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

// start starts a room. The caller must hold reg.mu, and the registry must be open.
func (reg *Registry) start(name string, permanent bool) *Room {
	r := newRoom(reg, name, permanent)
	reg.rooms[name] = r
	ctx := reg.ctx
	reg.work.Go(func() { reg.supervise(ctx, r) })
	return r
}

// supervise runs a room until it ends. After a failure it starts a configured room again.
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

// acquire returns the open room with this name. It starts the room if necessary. It adds a reference, which keeps the room
// open until release.
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

// checkNewRoom returns a [refusal.Error] if no other room may start. The caller must hold reg.mu.
func (reg *Registry) checkNewRoom() error {
	switch {
	case len(reg.rooms) >= reg.cfg.Limits.Rooms:
		return refusal.New(CodeRooms, "all %d rooms of this server are in use; accepted is joining one of them", reg.cfg.Limits.Rooms)
	case reg.anyOverloaded():
		return errOverloaded()
	}
	return nil
}

// retain adds a reference to a room that already has at least one.
func (reg *Registry) retain(r *Room) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	r.refs++
}

// release removes a reference that acquire or retain has added. Without references a room ends, unless it is configured.
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
	Key     string // secret, may be empty; another join with it within the grace period gets the same id, and as a publisher the same place
	Kind    Kind   // empty: Peer
	Publish Media  // the zero Media: the member is a viewer
	Screen  bool   // the video is a shared screen, which is never cropped
	Mesh    bool   // the member joins a mesh room; it publishes nothing to the server and counts as a viewer
	Layers  int    // the number of layers of the video; zero: one
	// FrozenAfter and Solo are those of mixer.SourceSpec.
	FrozenAfter time.Duration
	Solo        bool
}

// spec describes the source of the member, without ID, Name and Place.
func (j Joining) spec() mixer.SourceSpec {
	return mixer.SourceSpec{Screen: j.Screen, Layers: j.Layers, FrozenAfter: j.FrozenAfter, Solo: j.Solo}
}

// Join makes the caller a member of a room, and starts the room if necessary. It waits until Run has started or ctx ends.
// The caller must call Leave or Lose of the Member in any case. An error for the client is a [refusal.Error].
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

// clean checks the names and the key. It returns j with the default kind and a trimmed name.
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

// Info describes one open room. The error is a [refusal.Error] with CodeNoSuchRoom, or says that the engine of the room has
// not answered within 2 s.
func (reg *Registry) Info(name string) (Info, error) {
	r := reg.find(name)
	if r == nil {
		return Info{}, errNoSuchRoom(name)
	}
	return r.info()
}

// find returns the open room with this name, or nil.
func (reg *Registry) find(name string) *Room {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.rooms[name]
}

// List describes all open rooms, sorted by name. If the engine of a room does not answer, the Info of the
// room lacks the engine's statistics.
func (reg *Registry) List() []Info {
	all := []Info{}
	for _, name := range reg.roomNames() {
		info, err := reg.Info(name)
		var ended *refusal.Error
		if errors.As(err, &ended) {
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
