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

// Prefix is the path of a Handler. The Handler also serves all paths below it.
const Prefix = "/signaling"

// Config configures a Handler. Its zero value has the defaults.
type Config struct {
	// Beat is the shortest interval of heart-beats, in both directions. A client may miss two heart-beats. Zero means 10 s.
	Beat time.Duration

	// JoinWithin is the time limit for the CONNECT frame of a new session. After CONNECT, the client has ten times as long to
	// enter a room. It enters a room that mixes with the first offer, by the client or by the server. Zero means 30 s.
	JoinWithin time.Duration

	// CallAfter is how long the server waits for the offer of a client that has subscribed to offers. After that time the
	// server makes an offer itself. It waits twice as long for a client that has sent call/key, because such a client usually
	// makes an offer. Zero means 2 s.
	CallAfter time.Duration

	// Sessions is the largest number of simultaneous SockJS sessions. Zero means 4096.
	Sessions int

	// WriteWithin is the time limit of one write to a client, and of reading the body of a request. Zero means 10 s.
	WriteWithin time.Duration

	// Absent is the longest time between two polls of a client. Zero means 5 s.
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

// Handler serves SockJS at Prefix and below. Its iframe page loads scripts from /static, which package web serves.
type Handler struct {
	cfg       Config
	server    session.Server
	log       *slog.Logger
	sockjs    http.Handler
	broker    *broker
	secret    []byte // for mixerKey
	ancestors string // the directive frame-ancestors of the Content-Security-Policy

	ctx  context.Context // of all sessions; canceled by EndSessions
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	open     int            // the number of open sessions
	sessions sync.WaitGroup // Add is called only with mu held and closed false
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

// ServeHTTP serves SockJS. It refuses requests of web pages whose origin is not allowed. sockjs-go would execute such
// requests, and only prevent the page from reading the response.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.server.Guard.AllowsOrigin(r) {
		http.Error(w, "this page may not use this server; accepted are pages of its own host and of auth.origins", http.StatusForbidden)
		return
	}
	if !h.serveIframe(w, r) {
		newBounds(h.cfg.WriteWithin).serve(h.sockjs, w, r)
	}
}

// serve serves one SockJS session, and returns when the session has ended.
func (h *Handler) serve(s sockjs.Session) {
	if err := h.acquire(); err != nil {
		h.refuse(s, err)
		return
	}
	defer h.release()
	r := s.Request()
	waiting := &lobby{guard: h.server.Guard, remote: r.RemoteAddr}
	if err := waiting.enter(); err != nil {
		h.refuse(s, err)
		return
	}
	defer waiting.leave()
	newClient(h, newPump(s, h.boundsOf(r)), waiting, r, h.log.With("remote", r.RemoteAddr)).run(h.ctx)
}

// acquire counts a new session, or refuses it. If it returns no error, the caller must call release.
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

// refuse closes a new session. It sends an ERROR frame first, because stompjs does not report the reason for which SockJS was
// closed.
func (h *Handler) refuse(s sockjs.Session, err error) {
	refused := refusalFor(err, h.log)
	p := newPump(s, h.boundsOf(s.Request()))
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

// EndSessions tells all clients that the server is closing, and ends their sessions. It does not wait for their end. On
// shutdown, it must be called before the HTTP server waits for its open requests, because the clients' polls are such
// requests.
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

// mixerKey returns the key that the server has as a client of a room. Each Handler has different keys. So after a restart of
// the server, the clients treat the server as a new client and make a new offer.
func (h *Handler) mixerKey(room string) string {
	mac := hmac.New(sha256.New, h.secret)
	_, _ = mac.Write([]byte(room)) // never fails
	return "mix" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:12])
}
