// Package signaltest is for tests only: what the tests of the dialects share. It has a server without a dialect,
// pictures and tones to publish, and a screen for who views. Nothing in it outlives the test that made it.
package signaltest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Config is that of a Server.
type Config struct {
	Mixer  mixer.Config
	Limits room.Limits
	Rooms  map[string]room.Settings
	WebRTC peer.Config // without addresses it has free ports of the loopback interface
	Auth   auth.Config
	Log    *slog.Logger // the test's, of warnings, when nil
}

// Server is what stands behind the door of a dialect.
type Server struct {
	Registry *room.Registry
	Engine   *peer.Engine
	Guard    *auth.Guard
	Log      *slog.Logger

	door Door
	web  *httptest.Server
}

// Door is the handler of a dialect.
type Door interface {
	http.Handler
	io.Closer
}

// NewServer runs one until the test ends, which then fails if anything of it is left.
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
	t.Cleanup(func() { s.end(t, func() error { cancel(); return <-done }) })
	return s
}

// Open serves a dialect as long as the server runs, and returns the address, http://host:port. It is called once.
func (s *Server) Open(door Door) (url string) {
	s.door, s.web = door, httptest.NewServer(door)
	return s.web.URL
}

// end closes everything in the order of a real server, and looks for what is left.
func (s *Server) end(t testing.TB, leave func() error) {
	t.Helper()
	closers := []func() error{leave, s.Engine.Close}
	if s.door != nil {
		closers = []func() error{s.door.Close, leave, s.Engine.Close, func() error { s.web.Close(); return nil }}
	}
	for _, end := range closers {
		if err := end(); err != nil {
			t.Error(err)
		}
	}
	if n := s.Engine.Stats().Peers; n != 0 {
		t.Errorf("%d peers are open after everything has ended", n)
	}
	if n := codec.LiveFrames(); n != 0 {
		t.Errorf("%d frames are alive after everything has ended", n)
	}
}
