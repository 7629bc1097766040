// Package signaltest contains helpers for tests of the dialects: a server to which a test adds a dialect, a player of
// packets, a reader of REMB, and a function that overloads a room. Everything ends with the test that made it. Only tests
// may use this package.
package signaltest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Config configures a Server.
type Config struct {
	Mixer  mixer.Config
	Limits room.Limits
	Rooms  map[string]room.Settings
	WebRTC peer.Config // without addresses, the server uses free ports of the loopback interface
	Auth   auth.Config
	Log    *slog.Logger // nil: warnings go to the log of the test
}

// Server has the parts of a server that every dialect needs.
type Server struct {
	Registry *room.Registry
	Engine   *peer.Engine
	Guard    *auth.Guard
	Log      *slog.Logger

	dialect Dialect // nil before Open
	web     *httptest.Server
}

// Dialect is the HTTP handler of a dialect.
type Dialect interface {
	http.Handler
	io.Closer
}

// NewServer makes a Server and runs its rooms until the test ends. The test fails if a peer or a frame is still open then.
func NewServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	registry, err := room.NewRegistry(room.Config{Engine: mixertest.Start, Mixer: cfg.Mixer, Limits: cfg.Limits, Rooms: cfg.Rooms}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.WebRTC.UDP == "" && cfg.WebRTC.TCP == "" {
		cfg.WebRTC.UDP, cfg.WebRTC.TCP = "127.0.0.1:0", "127.0.0.1:0"
	}
	guard := authtest.Guard(t, cfg.Auth)
	engine, err := peer.NewEngine(cfg.WebRTC, log)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Registry: registry, Engine: engine, Guard: guard, Log: log}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- registry.Run(ctx) }()
	t.Cleanup(func() { s.close(t, func() error { cancel(); return <-done }) })
	return s
}

// Open serves a dialect over HTTP until the server ends, and owns d from then on. It returns the URL http://host:port. It
// must be called at most once.
func (s *Server) Open(d Dialect) (url string) {
	s.dialect, s.web = d, httptest.NewServer(d)
	return s.web.URL
}

// close closes everything in the order of a real server. It fails the test if a peer or a frame is still open afterwards.
func (s *Server) close(t testing.TB, stopRooms func() error) {
	t.Helper()
	closers := []func() error{stopRooms, s.Engine.Close}
	if s.dialect != nil {
		closers = []func() error{s.dialect.Close, stopRooms, s.Engine.Close, func() error { s.web.Close(); return nil }}
	}
	for _, c := range closers {
		if err := c(); err != nil {
			t.Error(err)
		}
	}
	if n := s.Engine.Stats().Peers; n != 0 {
		t.Errorf("%d peers are open after everything has ended", n)
	}
	mixertest.CheckFrames(t)
}
