package whip

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
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
}

const (
	defaultConnectWithin = 30 * time.Second
	defaultBeat          = 15 * time.Second
)

// Handler serves everything below /whip/ and /whep/.
type Handler struct {
	house  *room.House
	engine *peer.Engine
	guard  *auth.Guard
	log    *slog.Logger
	cfg    Config
	mux    *http.ServeMux
	salt   string // of the keys that places are found by

	ctx       context.Context // ends with Close
	stop      context.CancelCauseFunc
	quiet     context.Context // ends with Close, or before it with EndEvents
	endEvents context.CancelFunc

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
	work     sync.WaitGroup // Add only under mu and before closed
}

// NewHandler makes a handler over a house that runs and an engine that stays open until Close has returned.
func NewHandler(cfg Config, house *room.House, engine *peer.Engine, guard *auth.Guard, log *slog.Logger) *Handler {
	if cfg.ConnectWithin <= 0 {
		cfg.ConnectWithin = defaultConnectWithin
	}
	if cfg.Beat <= 0 {
		cfg.Beat = defaultBeat
	}
	h := &Handler{
		house: house, engine: engine, guard: guard, log: log, cfg: cfg, mux: http.NewServeMux(),
		salt: rand.Text(), sessions: map[string]*session{},
	}
	h.ctx, h.stop = context.WithCancelCause(context.Background())
	h.quiet, h.endEvents = context.WithCancel(h.ctx)
	h.routes()
	return h
}

func (h *Handler) routes() {
	session := resource{do: methods{http.MethodPatch: h.patch, http.MethodDelete: h.end}, header: "Accept-Patch", accepts: typeFragment}
	for path, at := range map[string]resource{
		"/":                             {},
		"/whip/{room}/{name}":           {methods{http.MethodPost: h.publish}, "Accept-Post", typeSDP},
		"/whep/{room}":                  {methods{http.MethodPost: h.watch}, "Accept-Post", typeSDP},
		"/whip/{room}/{name}/{session}": session,
		"/whep/{room}/{session}":        session,
		"/whep/{room}/{session}/events": {do: methods{http.MethodGet: h.events}},
		"/whep/{room}/{session}/view":   {methods{http.MethodPost: h.view}, "Accept-Post", typeJSON},
	} {
		h.mux.Handle(path, h.door(at))
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// resource is one kind of what has an address.
type resource struct {
	do              methods // nil: there is none
	header, accepts string  // which header tells that it takes which type
}

// methods are what a resource does; an error is answered by who calls them.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// names are the methods in a fixed order, OPTIONS last.
func (m methods) names() string {
	return strings.Join(append(slices.Sorted(maps.Keys(m)), http.MethodOptions), ", ")
}

// door is what all requests pass: the check of the page they come from, OPTIONS, and unknown methods, which are
// reserved for what the protocols may become.
func (h *Handler) door(to resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.pass(to, w, r); err != nil {
			refuse(w, err, h.log)
		}
	})
}

func (h *Handler) pass(to resource, w http.ResponseWriter, r *http.Request) error {
	if err := h.origin(w, r); err != nil {
		return err
	}
	switch do := to.do[r.Method]; {
	case to.do == nil:
		return refusal.New(codeNotFound, "there is nothing at %s; accepted are /whip/{room}/{name} and /whep/{room}", r.URL.Path)
	case do != nil:
		return do(w, r)
	case r.Method == http.MethodOptions:
		options(w.Header(), to)
		if to.accepts == typeSDP {
			h.tellServers(w.Header(), r)
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.Header().Set("Allow", to.do.names())
	return refusal.New(codeMethod, "%s is not possible here; accepted: %s", r.Method, to.do.names())
}

// origin lets pages of the origins that the guard allows read the answers, and no others ask at all.
func (h *Handler) origin(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if !h.guard.AllowsOrigin(r) {
		return refusal.New(auth.CodeForbidden, "a page of %s; accepted are pages of this server, and of auth.origins", origin)
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate")
	return nil
}

// options answers what a resource can do, and what a browser asks before it does anything (CORS preflight).
func options(header http.Header, of resource) {
	header.Set("Allow", of.do.names())
	header.Set("Access-Control-Allow-Methods", of.do.names())
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	header.Set("Access-Control-Max-Age", "600")
	if of.header != "" {
		header.Set(of.header, of.accepts)
	}
}

// tellServers tells the ICE servers before there is a session to who may begin one here: a client that knows them early
// can use them in its first offer. A preflight is about no client yet, and shows no token.
func (h *Handler) tellServers(header http.Header, r *http.Request) {
	if r.Header.Get("Access-Control-Request-Method") != "" {
		return
	}
	grant := auth.View
	if r.PathValue("name") != "" {
		grant = auth.Publish
	}
	if _, err := h.admit(r, grant, false); err != nil {
		return // the POST says why
	}
	header.Set("Cache-Control", "no-store")
	linkServers(header, h.engine.ICEServers(rand.Text()))
}

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
