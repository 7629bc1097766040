package stomp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/igm/sockjs-go/v3/sockjs"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Prefix is the path that a Handler serves, with everything below it.
const Prefix = "/signaling"

// Config of a Handler; its zero value is the default.
type Config struct {
	// Beat is how often we send a heart-beat and want one; a client may miss two. Zero means 10 s.
	Beat time.Duration

	// JoinWithin is how long a session may live without CONNECT; ten times as long it may live without a room, or in one
	// that mixes without an offer of either side.
	// Zero means 30 s.
	JoinWithin time.Duration

	// CallAfter is how long a client that has subscribed to offers may be silent before it is offered the mix;
	// twice as long, where it asked who is there. Zero means 2 s.
	CallAfter time.Duration

	// Sessions is how many there may be at once. Zero means 4096.
	Sessions int

	// WriteWithin is how long one write to a client may take. Zero means 10 s.
	WriteWithin time.Duration

	// Absent is how long a client that polls may stay away. Zero means 5 s.
	Absent time.Duration
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&c.Beat, 10*time.Second)
	set(&c.JoinWithin, 30*time.Second)
	set(&c.CallAfter, 2*time.Second)
	set(&c.WriteWithin, 10*time.Second)
	set(&c.Absent, 5*time.Second)
	if c.Sessions <= 0 {
		c.Sessions = 4096
	}
	return c
}

// Handler serves SockJS at Prefix and below. It expects the files of web below /static.
type Handler struct {
	cfg       Config
	registry  *room.Registry
	engine    *peer.Engine
	guard     *auth.Guard
	log       *slog.Logger
	sockjs    http.Handler
	broker    *broker
	secret    []byte // of the names that the server has in rooms
	ancestors string // of what may be put into frames

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	open     int            // sessions
	sessions sync.WaitGroup // Add only under mu and before closed
}

// NewHandler makes a handler over a registry that runs and an engine that stays open until Close has returned.
func NewHandler(cfg Config, registry *room.Registry, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	ctx, stop := context.WithCancel(context.Background())
	h := &Handler{
		cfg: cfg.withDefaults(), registry: registry, engine: engine, guard: guard, log: log, broker: newBroker(),
		secret: []byte(rand.Text()), ancestors: ancestors(guard.Origins()), ctx: ctx, stop: stop,
	}
	h.sockjs = sockjs.NewHandler(Prefix, sockjs.Options{
		Websocket: true, RawWebsocket: true, WebsocketWriteTimeout: h.cfg.WriteWithin,
		WebsocketUpgrader: &websocket.Upgrader{
			HandshakeTimeout: h.cfg.WriteWithin, CheckOrigin: guard.AllowsOrigin, Subprotocols: []string{"v12.stomp", "v11.stomp", "v10.stomp"},
		},
		CheckOrigin: guard.AllowsOrigin, HeartbeatDelay: 25 * time.Second, DisconnectDelay: h.cfg.Absent, ResponseLimit: 128 << 10,
		DisableJSONP: true, // it is for browsers older than WebRTC, and shows no Origin
	}, h.serve)
	return h
}

// ServeHTTP refuses pages that are not ours or on the list; sockjs-go would only not let them read the answer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.guard.AllowsOrigin(r) {
		http.Error(w, "this page may not use this server; accepted are pages of its own host and of auth.origins", http.StatusForbidden)
		return
	}
	if !h.frames(w, r) {
		newLane(h.cfg.WriteWithin).through(h.sockjs, w, r)
	}
}

// serve lives as long as a SockJS session.
func (h *Handler) serve(to sockjs.Session) {
	if err := h.enter(); err != nil {
		h.refuse(to, err)
		return
	}
	defer h.leave()
	r := to.Request()
	at := &door{guard: h.guard, remote: r.RemoteAddr}
	if err := at.wait(); err != nil {
		h.refuse(to, err)
		return
	}
	defer at.pass()
	newSession(h, newLine(to, h.laneOf(r)), at, r, h.log.With("remote", r.RemoteAddr)).run(h.ctx)
}

// enter tells why there may be no more sessions; nil: there may be this one.
func (h *Handler) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errClosing
	case h.open >= h.cfg.Sessions:
		return refusal.New(codeTooMany, "too many clients; accepted are up to %d at once", h.cfg.Sessions)
	}
	h.open++
	h.sessions.Add(1)
	return nil
}

// refuse says why before it closes: of how SockJS is closed stompjs tells its page nothing.
func (h *Handler) refuse(to sockjs.Session, err error) {
	no := reason(err, h.log)
	l := newLine(to, h.laneOf(to.Request()))
	l.begin()
	l.send(errorFrame(no, nil).encode(v10))
	l.finish(closeCode(no.Code), no.Code)
}

func (h *Handler) leave() {
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	h.sessions.Done()
}

// EndSessions tells all clients that the server is closing, for an HTTP server that waits for its requests, polls among
// them. It does not wait.
func (h *Handler) EndSessions() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
}

// Close is EndSessions, and waits for the end of all.
func (h *Handler) Close() error {
	h.EndSessions()
	h.sessions.Wait()
	return nil
}

// mixerKey is what the server calls itself in a room. It lasts as long as the Handler: after a restart clients offer to
// it like to somebody new.
func (h *Handler) mixerKey(room string) string {
	mac := hmac.New(sha256.New, h.secret)
	_, _ = mac.Write([]byte(room)) // a hash takes everything
	return "mix" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:12])
}
