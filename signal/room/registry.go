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

// Registry is all rooms of a server. A room begins with its first member, or with the registry when it
// is configured, and ends with its last member unless it is configured.
type Registry struct {
	cfg Config
	rec *recorder.Recorder // nil: nothing is recorded
	log *slog.Logger

	overload func(*hub.Hub) int // see mixer.Stats

	begun chan struct{}
	work  sync.WaitGroup // rooms; Add only under mu and while open

	mu    sync.Mutex
	ctx   context.Context // the life of Run, which Join starts rooms in
	open  bool
	rooms map[string]*Room
}

// retryAfter is the pause before a configured room that broke begins again.
const retryAfter = time.Second

// NewRegistry checks cfg. Nothing lives before Run. rec may be nil when nothing is to be recorded.
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
		cfg: cfg, rec: rec, log: log, overload: (*hub.Hub).Overload,
		begun: make(chan struct{}), rooms: map[string]*Room{},
	}, nil
}

// Run opens the configured rooms and lives until ctx ends; then it ends every membership, stops
// the mixers, finishes the recordings and returns. It is called once.
func (h *Registry) Run(ctx context.Context) error {
	h.mu.Lock()
	h.ctx, h.open = ctx, true
	for _, name := range h.cfg.names() {
		h.begin(name, true)
	}
	h.mu.Unlock()
	close(h.begun)
	<-ctx.Done()
	h.mu.Lock()
	h.open = false
	h.mu.Unlock()
	h.work.Wait()
	return nil
}

// begin starts a room; h.mu is held and the registry is open.
func (h *Registry) begin(name string, permanent bool) *Room {
	r := newRoom(h, name, permanent)
	h.rooms[name] = r
	ctx := h.ctx
	h.work.Go(func() { h.keep(ctx, r) })
	return r
}

// keep lives as long as a room does, and begins a configured one again when it broke.
func (h *Registry) keep(ctx context.Context, r *Room) {
	err := r.run(ctx)
	h.forget(r)
	if err == nil {
		return
	}
	r.log.Error("room broke", "error", err)
	if !r.permanent {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(retryAfter):
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.open && h.rooms[r.name] == nil {
			h.begin(r.name, true)
		}
	}
}

func (h *Registry) forget(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] == r {
		delete(h.rooms, r.name)
	}
}

// enter finds or begins a room and holds it open for one more member.
func (h *Registry) enter(name string) (*Room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return nil, errClosing()
	}
	r := h.rooms[name]
	if r == nil {
		if err := h.mayBegin(); err != nil {
			return nil, err
		}
		_, permanent := h.cfg.Rooms[name]
		r = h.begin(name, permanent)
	}
	r.held++
	return r, nil
}

// mayBegin tells whether there may be another room; h.mu is held.
func (h *Registry) mayBegin() error {
	switch {
	case len(h.rooms) >= h.cfg.Limits.Rooms:
		return refusal.New(CodeRooms, "all %d rooms of this server are in use; accepted is joining one of them", h.cfg.Limits.Rooms)
	case h.anyFull():
		return errOverloaded()
	}
	return nil
}

// hold keeps a room open that somebody holds already.
func (h *Registry) hold(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.held++
}

// release undoes enter or hold; the room ends when nobody holds it.
func (h *Registry) release(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.held--
	if r.held > 0 || r.permanent {
		return
	}
	if h.rooms[r.name] == r {
		delete(h.rooms, r.name)
	}
	r.empty()
}

// Joining is what somebody brings along.
type Joining struct {
	Name    string // 1 to 64 printable letters; may be empty for a viewer
	Key     string // a secret that takes the id back from who is there with it, and the place if name and role are the same; may be empty
	Kind    Kind   // Peer when empty
	Publish Media  // neither: a viewer
	Screen  bool   // the picture is a shared screen: it is never cropped
	Mesh    bool   // the member comes for the others of a mesh room, not for media: a viewer; see Mode
	Layers  int    // versions of the picture that may be put, see Member.PutLayer; zero: one
}

// Join makes the caller a member of a room, which begins if need be. Whoever gets a Member calls
// its Leave or Lose. An [refusal.Error] is meant for the user.
func (h *Registry) Join(ctx context.Context, name string, j Joining) (*Member, error) {
	j, err := j.clean(name)
	if err == nil {
		err = h.checkMode(name, j)
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-h.begun:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := h.enter(name)
	if err != nil {
		return nil, err
	}
	m, err := r.join(j)
	if err != nil {
		h.release(r)
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
	if len(j.Key) > maxKey {
		return j, refusal.New(CodeBadKey, "a key of %d bytes: accepted are up to %d", len(j.Key), maxKey)
	}
	var err error
	j.Name, err = cleanName(j.Name, j.viewer())
	return j, err
}

func (j Joining) viewer() bool { return !j.Publish.Audio && !j.Publish.Video }

// Info describes one room. The error is an [refusal.Error] with CodeNoSuchRoom, or that of an engine that does not answer.
func (h *Registry) Info(name string) (Info, error) {
	r := h.find(name)
	if r == nil {
		return Info{}, errNoSuchRoom(name)
	}
	return r.info()
}

// find returns a room that is open, or nil.
func (h *Registry) find(name string) *Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[name]
}

// List describes all rooms, sorted by name.
func (h *Registry) List() []Info {
	all := []Info{}
	for _, name := range h.roomNames() {
		info, err := h.Info(name)
		var gone *refusal.Error
		if errors.As(err, &gone) {
			continue
		}
		all = append(all, info)
	}
	return all
}

func (h *Registry) roomNames() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.rooms))
}
