// Package camera feeds a room with media that the server fetches itself: RTSP cameras, and the files and test patterns
// that [mixer.FeedSpec] names. Camera.Run joins the camera's room as a participant and pulls its streams. When a feed breaks
// or the membership ends, the camera tries again after a pause that grows with the number of tries.
package camera

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/signal/room"
)

// Registry is the part of [room.Registry] that cameras use.
type Registry interface {
	Join(ctx context.Context, room string, j room.Joining) (*room.Member, error)
}

// Feed is one kind of input.
type Feed interface {
	// Run calls out with packets in real time until ctx ends or the input breaks. It must not change a packet's bytes
	// after this call. A value from refresh requests a keyframe.
	Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error
}

// openFeed opens the feed of a file or a test pattern.
type openFeed func(mixer.FeedSpec) (Feed, error)

// input is a parsed URL. It names an RTSP stream or, if rtsp is nil, the file or test pattern in spec.
type input struct {
	rtsp *rtspFeed
	spec mixer.FeedSpec
}

// open returns the input's feed. It calls open for a file or a test pattern. log gets the trouble of an RTSP stream that
// repeats.
func (i input) open(open openFeed, log *slog.Logger) (Feed, error) {
	if i.rtsp != nil {
		i.rtsp.log = log
		return i.rtsp, nil
	}
	return open(i.spec)
}

// Camera is one configured camera.
type Camera struct {
	cfg      Config
	registry Registry
	log      *slog.Logger
	tried    chan struct{} // closed after the first try to join the room
	once     sync.Once     // for closing tried
}

// New returns a camera, which Run starts. cfg must be valid.
func New(cfg Config, registry Registry, log *slog.Logger) *Camera {
	log = log.With("room", cfg.Room, "camera", cfg.Name)
	return &Camera{cfg: cfg, registry: registry, log: log, tried: make(chan struct{})}
}

// Tried returns a channel that is closed once the camera has joined the room or has failed to join it for the first
// time. To give cameras their places in a fixed order, the caller starts each one after the Tried of the one before is
// closed.
func (c *Camera) Tried() <-chan struct{} { return c.tried }

// Run keeps the camera in its room until ctx ends, and returns nil then.
func (c *Camera) Run(ctx context.Context) error {
	defer c.once.Do(func() { close(c.tried) })
	for try := 0; ctx.Err() == nil; try++ {
		err := c.stay(ctx)
		pause(ctx, c.log, try, err)
	}
	return nil
}

// pause logs err, the reason why the camera or one of its streams is lost. Then it waits before the next try. try is
// the number of the failed try, from zero.
func pause(ctx context.Context, log *slog.Logger, try int, err error) {
	if ctx.Err() != nil {
		return
	}
	d := backoff(try)
	log.Warn("camera lost", "error", err, "again_in", d)
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// backoff returns the pause after a failed try: 1 s five times, 5 s five times, 10 s ten times, then a minute.
func backoff(try int) time.Duration {
	switch {
	case try < 5:
		return time.Second
	case try < 10:
		return 5 * time.Second
	case try < 20:
		return 10 * time.Second
	}
	return time.Minute
}

// stay joins the room and pulls the camera's streams until the membership or ctx ends. While the streams are broken the
// camera keeps its place in the room, and its tile shows a placeholder.
func (c *Camera) stay(ctx context.Context) error {
	m, err := c.registry.Join(ctx, c.cfg.Room, room.Joining{
		Name: c.cfg.Name, Key: "camera/" + c.cfg.Name, Kind: room.Camera, Publish: room.Media{Audio: c.cfg.Audio, Video: true},
		Layers: len(c.cfg.urls()),
	})
	c.once.Do(func() { close(c.tried) })
	if err != nil {
		return err
	}
	defer m.Leave()
	s := newStreams(c.cfg, m, func(spec mixer.FeedSpec) (Feed, error) { return m.Hub().OpenFeed(spec), nil }, c.log)
	m.OnKeyframeRequest(s.refresh)
	m.OnDemand(s.demand)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-m.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	s.run(ctx)
	return m.Err()
}
