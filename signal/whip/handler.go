package whip

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Config of a Handler; its zero value is the default.
type Config struct {
	// ConnectWithin is how long a session may be without a connection. Zero means 30 s.
	ConnectWithin time.Duration

	// Beat is how often who reads events hears something. Zero means 15 s.
	Beat time.Duration

	// WriteWithin is how long one event may take to leave. Zero means 10 s.
	WriteWithin time.Duration
}

const (
	defaultConnectWithin = 30 * time.Second
	defaultBeat          = 15 * time.Second
	defaultWriteWithin   = 10 * time.Second
)

// Handler serves everything below /whip/ and /whep/.
type Handler struct {
	registry *room.Registry
	engine   *peer.Engine
	guard    *auth.Guard
	log      *slog.Logger
	cfg      Config
	mux      *http.ServeMux
	salt     string // of the keys that places are found by

	ctx       context.Context // ends with Close
	stop      context.CancelCauseFunc
	quiet     context.Context // ends with Close, or before it with EndEvents
	endEvents context.CancelFunc

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
	work     sync.WaitGroup // Add only under mu and before closed
}

// NewHandler makes a handler over a registry that runs and an engine that stays open until Close has returned.
func NewHandler(cfg Config, registry *room.Registry, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	if cfg.ConnectWithin <= 0 {
		cfg.ConnectWithin = defaultConnectWithin
	}
	if cfg.Beat <= 0 {
		cfg.Beat = defaultBeat
	}
	if cfg.WriteWithin <= 0 {
		cfg.WriteWithin = defaultWriteWithin
	}
	h := &Handler{
		registry: registry, engine: engine, guard: guard, log: log, cfg: cfg, mux: http.NewServeMux(),
		salt: rand.Text(), sessions: map[string]*session{},
	}
	h.ctx, h.stop = context.WithCancelCause(context.Background())
	h.quiet, h.endEvents = context.WithCancel(h.ctx)
	for pattern, at := range h.routes() {
		h.mux.Handle(pattern, h.door(at))
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// admit asks the guard about a request; its path says which room it is about.
func (h *Handler) admit(r *http.Request, grant auth.Grant, join bool) (auth.Permit, error) {
	return h.guard.Admit(auth.Ask{
		Token: auth.TokenOf(r), Room: r.PathValue("room"), Grants: []auth.Grant{grant}, Remote: r.RemoteAddr, Join: join,
	})
}

// found is the session that a request is about. Who asks needs the rights that it was begun with.
func (h *Handler) found(r *http.Request) (*session, error) {
	name, grant := r.PathValue("name"), auth.View
	if name != "" {
		grant = auth.Publish
	}
	permit, err := h.admit(r, grant, false)
	if err != nil {
		return nil, err
	}
	if name, err = permit.Named(name); err != nil {
		return nil, err
	}
	h.mu.Lock()
	s := h.sessions[r.PathValue("session")]
	h.mu.Unlock()
	if s == nil || s.grant != grant || s.member.Room() != r.PathValue("room") || s.name != name {
		return nil, errGone()
	}
	return s, nil
}

func errGone() error {
	return refusal.New(codeNotFound, "there is no such session now; accepted is another POST")
}

// enter counts one request that makes a session; leave ends it.
func (h *Handler) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosing()
	}
	h.work.Add(1)
	return nil
}

func (h *Handler) leave() { h.work.Done() }

func errClosing() error {
	return refusal.New(room.CodeClosing, "the server is closing; accepted is another POST later")
}

// begin makes a session known and alive, on behalf of a request between enter and leave.
func (h *Handler) begin(s *session) {
	h.mu.Lock()
	h.sessions[s.id] = s
	h.mu.Unlock()
	h.work.Go(func() { s.run() })
}

func (h *Handler) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s.id)
}

// EndEvents ends what streams events, for an HTTP server that waits for its requests; sessions go on until Close.
func (h *Handler) EndEvents() { h.endEvents() }

// Close ends all sessions and waits for them.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop(errClosing())
	h.work.Wait()
	return nil
}
