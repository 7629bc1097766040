package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine"
	"azulejo/mixer/hub"
	"azulejo/recorder"
	"azulejo/recorder/index"
	"azulejo/recorder/playback"
	"azulejo/recorder/store"
	"azulejo/signal/auth"
	"azulejo/signal/camera"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/stomp"
	"azulejo/signal/turn"
	"azulejo/signal/whip"
	"azulejo/signal/ws"
	"azulejo/web"
)

// server has all components that azulejo serve and azulejo demo run.
type server struct {
	cfg      Config
	log      *slog.Logger
	store    store.Store
	recorder *recorder.Recorder
	registry *room.Registry
	cameras  []configuredCamera
	events   *web.Events
	peers    *peer.Engine
	relays   *turn.Relays
	guard    *auth.Guard
	ws       *ws.Handler
	stomp    *stomp.Handler
	whip     *whip.Handler
	web      *web.Server
	listener net.Listener
}

// newServer makes all components and opens the ports. Run starts the components. If newServer returns an error, it has closed
// everything that it opened.
func newServer(cfg Config, log *slog.Logger) (s *server, err error) {
	s = &server{cfg: cfg, log: log, events: web.NewEvents()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	codec.BridgeLog(log)
	if s.store, err = openStore(cfg); err != nil {
		return s, err
	}
	if s.recorder, err = recorder.New(cfg.recorder(), s.store, log); err != nil {
		return s, err
	}
	rooms := cfg.registry()
	rooms.ConditionChanged, rooms.SourceLeft = s.events.SourceChanged, s.events.SourceLeft
	if s.registry, err = room.NewRegistry(rooms, s.recorder, log); err != nil {
		return s, err
	}
	s.newCameras()
	if err = s.openMedia(); err != nil {
		return s, err
	}
	if s.guard, err = auth.New(cfg.guard()); err != nil {
		return s, err
	}
	s.ws = ws.NewHandler(ws.Config{}, s.registry, s.peers, s.guard, log)
	s.stomp = stomp.NewHandler(stomp.Config{}, s.registry, s.peers, s.guard, log)
	s.whip = whip.NewHandler(whip.Config{}, s.registry, s.peers, s.guard, log)
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return s, fmt.Errorf("listen: %w", err)
	}
	s.web, err = s.newWeb()
	return s, err
}

func openStore(cfg Config) (store.Store, error) {
	if cfg.Store.Kind == "s3" {
		return store.NewS3(cfg.Store.S3)
	}
	return store.NewDir(filepath.Join(cfg.Data, "store"))
}

func (s *server) newWeb() (*web.Server, error) {
	tlsConfig, err := s.tls()
	if err != nil {
		return nil, err
	}
	ix := index.New(s.store, s.recorder.Spool())
	return web.New(web.Config{
		Guard:      s.guard,
		Rooms:      s.registry,
		Footage:    ix,
		Signalling: s.ws,
		SockJS:     s.stomp,
		WHIP:       s.whip,
		WHEP:       s.whip,
		Media:      playback.New(ix, s.store, s.log),
		Uploads:    func() recorder.UploadStats { return s.recorder.Stats().Uploads },
		Peers:      s.peers.Stats,
		LiveFrames: codec.LiveFrames,
		Events:     s.events,
		Cameras:    s.cameraStats,
		Version:    version,
		Listener:   s.listener,
		TLS:        tlsConfig,
		Log:        s.log,
	})
}

func (s *server) tls() (*tls.Config, error) {
	if s.cfg.TLS.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.cfg.TLS.Cert, s.cfg.TLS.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// Run runs all stages until ctx ends. Then it stops them in the direction in which media flows: HTTP and signalling, TURN,
// cameras, rooms, recorder.
func (s *server) Run(ctx context.Context) error {
	defer s.close()
	s.log.Info("listening", "http", s.listener.Addr().String(), "webrtc", s.peers.Addresses())
	return runStages(ctx, s.log, []stage{
		{"recorder", s.recorder.Run},
		{"rooms", s.registry.Run},
		{"cameras", s.runCameras},
		{"turn", s.relays.Run},
		{"signalling", s.runSignalling},
		{"http", s.runHTTP},
	})
}

// runSignalling waits until ctx ends and then closes the sessions of all clients.
func (s *server) runSignalling(ctx context.Context) error {
	<-ctx.Done()
	return parallel(s.ws.Close, s.stomp.Close, s.whip.Close)
}

// parallel runs all functions at the same time, waits for them and returns their errors.
func parallel(all ...func() error) error {
	errs := make([]error, len(all))
	var work sync.WaitGroup
	for i, f := range all {
		work.Go(func() { errs[i] = f() })
	}
	work.Wait()
	return errors.Join(errs...)
}

// runHTTP runs the HTTP server until ctx ends. At its end, the HTTP server waits for all open requests. Event streams and the
// sessions of SockJS would stay open, so runHTTP ends both.
func (s *server) runHTTP(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		s.whip.EndEvents()
		s.stomp.EndSessions()
	})()
	return s.web.Run(ctx)
}

// runCameras runs the cameras of all rooms until ctx ends. The cameras may start in any order, since each room reserves their
// places in the order of the configuration.
func (s *server) runCameras(ctx context.Context) error {
	ended := make(chan error)
	for _, cam := range s.cameras {
		go func() { ended <- cam.Run(ctx) }()
	}
	var err error
	for range s.cameras {
		err = errors.Join(err, <-ended)
	}
	<-ctx.Done()
	return err
}

// configuredCamera is a camera of the configuration.
type configuredCamera struct {
	*camera.Camera
	room, name string
}

// newCameras makes the cameras of all rooms. They share the record of their logins.
func (s *server) newCameras() {
	logins := camera.NewLogins()
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Rooms)) {
		for _, c := range s.cfg.Rooms[name].Cameras {
			cfg := c.camera(name)
			cfg.Logins = logins
			s.cameras = append(s.cameras, configuredCamera{camera.New(cfg, s.registry, s.log), name, c.Name})
		}
	}
}

// cameraStats returns a snapshot of each camera.
func (s *server) cameraStats() []web.CameraStats {
	var all []web.CameraStats
	for _, c := range s.cameras {
		all = append(all, web.CameraStats{Room: c.room, Name: c.name, Stats: c.Stats()})
	}
	return all
}

// close closes everything that newServer opened. It may run after the stages have closed some of it. Closing a component
// twice has no further effect.
func (s *server) close() {
	if s.recorder != nil {
		if err := s.recorder.Close(); err != nil {
			s.log.Error("recorder not closed well", "error", err)
		}
	}
	if s.peers != nil {
		if err := s.peers.Close(); err != nil {
			s.log.Debug("media ports not closed", "error", err)
		}
	}
	if s.relays != nil {
		if err := s.relays.Close(); err != nil {
			s.log.Debug("turn ports not closed", "error", err)
		}
	}
	if s.listener != nil {
		_ = s.listener.Close() // an error means that web has closed it
	}
}

// startEngine starts the engine of a room's mixer in this process.
func startEngine(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
	return engine.New(cfg, emit, log)
}
