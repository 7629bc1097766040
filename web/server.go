// Package web is azulejo's HTTP server. It serves the pages, the REST API and the metrics. It also routes requests to the
// handlers for signalling and footage, which cmd passes in. cmd builds one Server and runs it. A Server is immutable after
// New and safe for concurrent requests.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"azulejo/recorder"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
)

// Config has the parts and settings of a Server. Rooms and Guard are required. All other fields may be empty.
type Config struct {
	Rooms Rooms
	// Guard checks the host name of every request. It also checks the tokens of requests for pages, the REST API, footage
	// and metrics. The Server does not check the tokens of requests to Signalling, SockJS, WHIP and WHEP: these handlers
	// check them.
	Guard   *auth.Guard
	Footage Footage // lists the footage; nil: the footage API answers 503
	// Signalling serves /ws. SockJS serves /signaling and all paths below /signaling/. WHIP serves all paths below /whip/,
	// and WHEP all paths below /whep/. If one of these handlers is nil, the server answers 404 for its paths.
	Signalling, SockJS, WHIP, WHEP http.Handler
	// Media serves index.m3u8, init/… and segments/… below /api/v1/footage/{room}/{stream}/. It gets requests with the
	// whole path. If Media is nil, the server answers 404 for these paths.
	Media http.Handler
	// Uploads, Peers and LiveFrames return snapshots for the metrics that belong to no single room. LiveFrames returns the
	// number of decoded frames in memory. If one of these functions is nil, its metrics are missing.
	Uploads    func() recorder.UploadStats
	Peers      func() peer.EngineStats
	LiveFrames func() int64
	// Events serves /api/v1/events. Cameras returns snapshots of all configured cameras for the metrics. If one of these fields
	// is nil, its route or its metrics are missing.
	Events  *Events
	Cameras func() []CameraStats
	// Ready returns nil if the server can handle clients, otherwise an error with the reason. GET /readyz calls Ready, so
	// Ready must return soon. If the field is nil, the server is always ready.
	Ready func(context.Context) error
	// BodyWithin is how long the body of a request may take to arrive. Zero means 30 s.
	BodyWithin time.Duration
	// FileWithin is how long a client may take to receive a page, a static file, or another response that needs no token.
	// Zero means 2 min.
	FileWithin time.Duration
	Version    string       // of the program; empty: dev
	Listener   net.Listener // Run serves and closes the listener; may be nil if Run is not called
	TLS        *tls.Config  // nil: plain HTTP
	Log        *slog.Logger // nil: no log
}

// Validate returns an error that names the first missing field.
func (c Config) Validate() error {
	if c.Rooms == nil {
		return errors.New("web: Rooms is nil; a registry of rooms is needed")
	}
	if c.Guard == nil {
		return errors.New("web: Guard is nil; one that checks permissions is needed")
	}
	return nil
}

const (
	defaultBodyWithin = 30 * time.Second
	defaultFileWithin = 2 * time.Minute
)

// Server routes every HTTP request of azulejo.
type Server struct {
	cfg   Config
	log   *slog.Logger
	mux   *guardedMux
	pages *pages
}

// New makes a Server with all its routes. It starts no goroutine.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.BodyWithin <= 0 {
		cfg.BodyWithin = defaultBodyWithin
	}
	if cfg.FileWithin <= 0 {
		cfg.FileWithin = defaultFileWithin
	}
	files, err := loadPages()
	if err != nil {
		return nil, fmt.Errorf("web: load pages: %w", err)
	}
	s := &Server{cfg: cfg, log: cfg.Log, mux: newGuardedMux(cfg, files), pages: files}
	if err := s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// routes registers the handlers of all routes.
func (s *Server) routes() error {
	s.pages.register(s.mux)
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.Handle("GET /metrics", newMetrics(s.cfg, s.log))
	s.registerDialects()
	if s.cfg.Media != nil {
		for _, tail := range []string{"index.m3u8", "init/{name}", "segments/{name}"} {
			s.mux.Handle("GET /api/v1/footage/{room}/{stream}/"+tail, s.cfg.Media)
		}
	}
	if err := s.registerAPI(); err != nil {
		return err
	}
	if err := s.mux.err(); err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}

// registerDialects registers the handlers of the signalling protocols, called dialects, unless they are nil.
func (s *Server) registerDialects() {
	for _, dialect := range []struct {
		pattern string
		handler http.Handler
	}{
		{"/ws", s.cfg.Signalling},
		{"/signaling", s.cfg.SockJS},
		{"/signaling/", s.cfg.SockJS},
		{"/whip/", s.cfg.WHIP},
		{"/whep/", s.cfg.WHEP},
	} {
		if dialect.handler != nil {
			s.mux.Handle(dialect.pattern, dialect.handler)
		}
	}
}

// ServeHTTP sets the security headers of the response and calls the handler of the route. It refuses requests for a host
// name that the guard does not allow. It answers requests without a route with problem details or with the page for missing
// pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	// Every body gets a deadline, because net/http reads the body after the handler if the handler has not read it.
	if r.Body != nil && r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.BodyWithin)) // fails only for httptest.ResponseRecorder
	}
	if !s.cfg.Guard.AllowsHost(r) {
		problem(w, http.StatusMisdirectedRequest, "without tokens this server is for its own machine, and answers to no other name than localhost; "+
			"auth.mode: token, auth.allow_open: true, or the name in auth.origins change that")
		return
	}
	if _, pattern := s.mux.mux.Handler(r); pattern == "" {
		s.answerNoRoute(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Run serves Config.Listener until ctx ends. Then it closes the listener and waits up to 5 s for running requests. It does
// not wait for WebSockets: their handlers must close them. Run returns nil after the end of ctx, and an error if serving
// fails.
func (s *Server) Run(ctx context.Context) error {
	listener := s.cfg.Listener
	srv := &http.Server{
		Handler:           s,
		TLSConfig:         s.cfg.TLS,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- serve(srv, listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if s.cfg.Events != nil {
		s.cfg.Events.End()
	}
	if err := srv.Shutdown(drain); err != nil {
		s.log.Warn("requests cut off at shutdown", "error", err)
		_ = srv.Close() // the listener is closed already; only connections are left
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil
}

// serve accepts connections until srv is shut down, with TLS if srv has a TLS configuration.
func serve(srv *http.Server, listener net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(listener, "", "")
	}
	return srv.Serve(listener)
}

// health answers GET /healthz. The response shows that the process serves requests.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	sendText(w, "ok\n")
}

// ready answers GET /readyz. If Config.Ready returns an error, the status is 503.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(r.Context()); err != nil {
			problem(w, http.StatusServiceUnavailable, err.Error())
			return
		}
	}
	sendText(w, "ready\n")
}

// sendText answers with a short text and status 200.
func sendText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // an error means that the client is gone
}
