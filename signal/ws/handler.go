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
	"azulejo/signal/session"
)

// Config configures a Handler. Its zero value has the defaults.
type Config struct {
	// Ping is the interval of WebSocket pings. The server closes the connection of a client that has sent nothing, not even a
	// pong, for three intervals. Zero means 15 s.
	Ping time.Duration

	// JoinWithin is the time limit for the join message of a new connection. Zero means 30 s.
	JoinWithin time.Duration
}

const (
	defaultPing       = 15 * time.Second
	defaultJoinWithin = 30 * time.Second
)

// Handler serves WebSocket connections.
type Handler struct {
	server     session.Server
	log        *slog.Logger
	ping       time.Duration
	joinWithin time.Duration
	upgrader   websocket.Upgrader

	ctx  context.Context // of all clients; canceled by Close
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool
	clients sync.WaitGroup // Add is called only with mu held and closed false
}

// NewHandler makes a handler. The registry must run, and the engine must stay open, until Close has returned. The guard
// decides about every join, and about the Origin of every connection.
func NewHandler(cfg Config, registry *room.Registry, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	ctx, stop := context.WithCancel(context.Background())
	server := session.Server{Registry: registry, Engine: engine, Guard: guard}
	h := &Handler{server: server, log: log, ping: cfg.Ping, joinWithin: cfg.JoinWithin, ctx: ctx, stop: stop}
	if h.ping <= 0 {
		h.ping = defaultPing
	}
	if h.joinWithin <= 0 {
		h.joinWithin = defaultJoinWithin
	}
	h.upgrader = websocket.Upgrader{HandshakeTimeout: 10 * time.Second, CheckOrigin: guard.AllowsOrigin}
	return h
}

// ServeHTTP upgrades a request to a WebSocket, and returns when the WebSocket is closed.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		http.Error(w, "the server is closing", http.StatusServiceUnavailable)
		return
	}
	defer h.clients.Done()
	joined, err := h.server.Guard.Wait(r.RemoteAddr)
	if err != nil {
		http.Error(w, err.Error(), auth.Answer(w.Header(), err))
		return
	}
	defer joined()
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.log.Debug("websocket refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "error", err)
		return // Upgrade has sent an HTTP error
	}
	newClient(h, conn, clientInfo{r.RemoteAddr, auth.TokenOf(r), joined}).run(h.ctx)
}

// enter counts a new client. It returns false after Close.
func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.clients.Add(1)
	return true
}

// Close tells all clients that the server is closing, closes their connections, and waits until they have ended.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.clients.Wait()
	return nil
}
