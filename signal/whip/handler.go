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
	"azulejo/signal/session"
)

// Config is the configuration of a Handler. Its zero value is the default.
type Config struct {
	// ConnectWithin is how long a new session may take until its peer connection is established. Zero means 30 s.
	ConnectWithin time.Duration

	// Beat is the interval between the comments that keep a stream of events alive. Zero means 15 s.
	Beat time.Duration

	// WriteWithin is how long the writing of one event may take. Zero means 10 s.
	WriteWithin time.Duration
}

const (
	defaultConnectWithin = 30 * time.Second
	defaultBeat          = 15 * time.Second
	defaultWriteWithin   = 10 * time.Second
)

// Handler handles all requests below /whip/ and /whep/.
type Handler struct {
	server session.Server
	log    *slog.Logger
	cfg    Config
	mux    *http.ServeMux
	salt   string // random; it makes the keys of publishers unpredictable, see key

	ctx       context.Context // ends with Close
	stop      context.CancelCauseFunc
	streaming context.Context // for the streams of events; ends with EndEvents or Close
	endEvents context.CancelFunc

	mu      sync.Mutex
	closed  bool
	clients map[string]*client // by the id of the session
	work    sync.WaitGroup     // Add only under mu and before closed
}

// NewHandler makes a handler. The registry must run, and the engine must stay open, until Close has returned.
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
		server: session.Server{Registry: registry, Engine: engine, Guard: guard}, log: log, cfg: cfg, mux: http.NewServeMux(),
		salt: rand.Text(), clients: map[string]*client{},
	}
	h.ctx, h.stop = context.WithCancelCause(context.Background())
	h.streaming, h.endEvents = context.WithCancel(h.ctx)
	for pattern, res := range h.routes() {
		h.mux.Handle(pattern, h.handle(res))
	}
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// admit asks the guard whether the client that sent a request has the right grant in the room in the path. join is set if the
// request counts as a join.
func (h *Handler) admit(r *http.Request, grant auth.Grant, join bool) (auth.Permit, error) {
	return h.server.Guard.Admit(auth.Ask{
		Token: auth.TokenOf(r), Room: r.PathValue("room"), Grants: []auth.Grant{grant}, Remote: r.RemoteAddr, Join: join,
	})
}

// find returns the client whose session id is in the path of a request. The request needs the same right as the POST that
// made the session.
func (h *Handler) find(r *http.Request) (*client, error) {
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
	c := h.clients[r.PathValue("session")]
	h.mu.Unlock()
	if c == nil || c.grant != grant || c.room != r.PathValue("room") || c.name != name {
		return nil, errGone()
	}
	return c, nil
}

func errGone() error {
	return refusal.New(codeNotFound, "there is no such session now; accepted is another POST")
}

// acquire must be called before a request makes a session, and release afterwards. Close waits for release. After Close,
// acquire returns an error.
func (h *Handler) acquire() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosing()
	}
	h.work.Add(1)
	return nil
}

func (h *Handler) release() { h.work.Done() }

func errClosing() error {
	return refusal.New(room.CodeClosing, "the server is closing; accepted is another POST later")
}

// start registers a client and starts its loop. It must be called between acquire and release.
func (h *Handler) start(c *client) {
	h.mu.Lock()
	h.clients[c.id] = c
	h.mu.Unlock()
	h.work.Go(c.run)
}

func (h *Handler) forget(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c.id)
}

// EndEvents ends all streams of events. Sessions go on until Close. EndEvents must be called before the HTTP server shuts
// down, because the shutdown waits for all requests, and each stream is a request that does not end by itself.
func (h *Handler) EndEvents() { h.endEvents() }

// Close ends all sessions, and waits until they have ended.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop(errClosing())
	h.work.Wait()
	return nil
}
