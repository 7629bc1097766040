package ws

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Config of a Handler; its zero value is the default.
type Config struct {
	// Ping is how often an idle client is asked whether it is there; it may miss two.
	// Zero means 15 s.
	Ping time.Duration

	// JoinWithin is how long a connection may live without a join. Zero means 30 s.
	JoinWithin time.Duration
}

const (
	defaultPing       = 15 * time.Second
	defaultJoinWithin = 30 * time.Second
)

// Handler serves WebSocket connections.
type Handler struct {
	registry   *room.Registry
	engine     *peer.Engine
	guard      *auth.Guard
	log        *slog.Logger
	ping       time.Duration
	joinWithin time.Duration
	upgrader   websocket.Upgrader

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	sessions sync.WaitGroup // Add only under mu and before closed
}

// NewHandler makes a handler over a registry that runs and an engine that stays open until Close
// has returned. The guard is asked for every join, and for the origin of every connection.
func NewHandler(cfg Config, registry *room.Registry, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	ctx, stop := context.WithCancel(context.Background())
	h := &Handler{registry: registry, engine: engine, guard: guard, log: log, ping: cfg.Ping, joinWithin: cfg.JoinWithin, ctx: ctx, stop: stop}
	if h.ping <= 0 {
		h.ping = defaultPing
	}
	if h.joinWithin <= 0 {
		h.joinWithin = defaultJoinWithin
	}
	h.upgrader = websocket.Upgrader{HandshakeTimeout: 10 * time.Second, CheckOrigin: guard.AllowsOrigin}
	return h
}

// ServeHTTP lives as long as the connection.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		http.Error(w, "the server is closing", http.StatusServiceUnavailable)
		return
	}
	defer h.sessions.Done()
	joined, err := h.guard.Wait(r.RemoteAddr)
	if err != nil {
		http.Error(w, err.Error(), auth.Answer(w.Header(), err))
		return
	}
	defer joined()
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.log.Debug("websocket refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "error", err)
		return // Upgrade has answered
	}
	newSession(h, conn, caller{r.RemoteAddr, auth.TokenOf(r), joined}).run(h.ctx)
}

func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.sessions.Add(1)
	return true
}

// Close tells all clients that the server is closing, ends their sessions and waits for them.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.sessions.Wait()
	return nil
}
