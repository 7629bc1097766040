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
	"azulejo/signal/session"
)

// Prefix is the path that a Handler serves, with everything below it.
const Prefix = "/signaling"

// Config of a Handler; its zero value is the default.
type Config struct {
	// Beat is the interval of heart-beats in both directions; a client may miss two. Zero means 10 s.
	Beat time.Duration

	// JoinWithin is how long a new session may take to send CONNECT. After CONNECT the client has ten times as long to be
	// in a room. In a room that mixes, the client is in the room only after an offer of either side. Zero means 30 s.
	JoinWithin time.Duration

	// CallAfter is how long the server waits for an offer of a client that has subscribed to offers, before the server
	// makes an offer itself. It waits twice as long for a client that sent call/key, because such a client usually makes
	// an offer. Zero means 2 s.
	CallAfter time.Duration

	// Sessions bounds the number of simultaneous sessions. Zero means 4096.
	Sessions int

	// WriteWithin bounds the time of one write to a client. Zero means 10 s.
	WriteWithin time.Duration

	// Absent bounds the time between two polls of a client. Zero means 5 s.
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

// Handler serves SockJS at Prefix and below. Its iframe page loads scripts from /static, which web serves.
type Handler struct {
	cfg       Config
	server    session.Server
	log       *slog.Logger
	sockjs    http.Handler
	broker    *broker
	secret    []byte // mixerKey derives the server's keys in rooms from it
	ancestors string // the directive frame-ancestors of the CSP

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	open     int            // sessions
	sessions sync.WaitGroup // Add only under mu and before closed
}

// NewHandler makes a handler. The registry must run, and the engine must stay open, until Close has returned.
func NewHandler(cfg Config, registry *room.Registry, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	ctx, stop := context.WithCancel(context.Background())
	h := &Handler{
		cfg: cfg.withDefaults(), server: session.Server{Registry: registry, Engine: engine, Guard: guard}, log: log,
		broker: newBroker(), secret: []byte(rand.Text()), ancestors: ancestors(guard.Origins()), ctx: ctx, stop: stop,
	}
	h.sockjs = sockjs.NewHandler(Prefix, sockjs.Options{
		Websocket: true, RawWebsocket: true, WebsocketWriteTimeout: h.cfg.WriteWithin,
		WebsocketUpgrader: &websocket.Upgrader{
			HandshakeTimeout: h.cfg.WriteWithin, CheckOrigin: guard.AllowsOrigin, Subprotocols: []string{"v12.stomp", "v11.stomp", "v10.stomp"},
		},
		CheckOrigin: guard.AllowsOrigin, HeartbeatDelay: 25 * time.Second, DisconnectDelay: h.cfg.Absent, ResponseLimit: 128 << 10,
		DisableJSONP: true, // JSONP is for browsers older than WebRTC, and its requests have no Origin
	}, h.serve)
	return h
}

// ServeHTTP serves SockJS. It refuses requests of pages whose origin is not allowed: sockjs-go would execute them, and
// would only keep the page from reading the answer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.server.Guard.AllowsOrigin(r) {
		http.Error(w, "this page may not use this server; accepted are pages of its own host and of auth.origins", http.StatusForbidden)
		return
	}
	if !h.serveIframe(w, r) {
		newBounds(h.cfg.WriteWithin).serve(h.sockjs, w, r)
	}
}

// serve serves a SockJS session, and returns when the session has ended.
func (h *Handler) serve(to sockjs.Session) {
	if err := h.acquire(); err != nil {
		h.refuse(to, err)
		return
	}
	defer h.release()
	r := to.Request()
	waiting := &lobby{guard: h.server.Guard, remote: r.RemoteAddr}
	if err := waiting.enter(); err != nil {
		h.refuse(to, err)
		return
	}
	defer waiting.leave()
	newClient(h, newPump(to, h.boundsOf(r)), waiting, r, h.log.With("remote", r.RemoteAddr)).run(h.ctx)
}

// acquire counts a session, or refuses it. After a nil error, release must be called.
func (h *Handler) acquire() error {
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

// refuse closes a new session. It sends an ERROR first, because stompjs does not tell its page why SockJS was closed.
func (h *Handler) refuse(to sockjs.Session, err error) {
	refused := reason(err, h.log)
	p := newPump(to, h.boundsOf(to.Request()))
	p.start()
	p.send(errorFrame(refused, nil).encode(v10))
	p.finish(closeCode(refused.Code), refused.Code)
}

func (h *Handler) release() {
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	h.sessions.Done()
}

// EndSessions ends all sessions with a message that the server is closing. It does not wait for their end. It must be
// called before an HTTP server waits for its requests, because polls are such requests.
func (h *Handler) EndSessions() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
}

// Close calls EndSessions, and waits until all sessions have ended.
func (h *Handler) Close() error {
	h.EndSessions()
	h.sessions.Wait()
	return nil
}

// mixerKey returns the key by which the server calls itself in a room. Each Handler has other keys. After a restart of
// the server, the clients therefore treat it as a new client and make a new offer.
func (h *Handler) mixerKey(room string) string {
	mac := hmac.New(sha256.New, h.secret)
	_, _ = mac.Write([]byte(room)) // never fails
	return "mix" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:12])
}
