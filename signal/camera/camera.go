// Package camera feeds a room with media that the server fetches itself: RTSP cameras, and the files and test patterns
// that [mixer.FeedSpec] names. Camera.Run joins the camera's room as a participant and pulls its streams. When a feed breaks
// or the membership ends, the camera tries again, see retry.
package camera

import (
	"context"
	"log/slog"
	"sync"

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

// open returns the input's feed. It calls open for a file or a test pattern.
func (i input) open(open openFeed) (Feed, error) {
	if i.rtsp != nil {
		return i.rtsp, nil
	}
	return open(i.spec)
}

// Camera is one configured camera.
type Camera struct {
	cfg      Config
	registry Registry
	log      *slog.Logger
	health   *health
	tried    chan struct{} // closed after the first try to join the room
	once     sync.Once     // for closing tried
}

// New returns a camera, which Run starts. cfg must be valid.
func New(cfg Config, registry Registry, log *slog.Logger) *Camera {
	log = log.With("room", cfg.Room, "camera", cfg.Name)
	return &Camera{cfg: cfg, registry: registry, log: log, health: newHealth(), tried: make(chan struct{})}
}

// Tried returns a channel that is closed once the camera has joined the room or has failed to join it for the first
// time. To give cameras their places in a fixed order, the caller starts each one after the Tried of the one before is
// closed.
func (c *Camera) Tried() <-chan struct{} { return c.tried }

// Stats returns a snapshot of the camera. It may be called at any time.
func (c *Camera) Stats() Stats { return c.health.stats() }

// Run keeps the camera in its room until ctx ends, and returns nil then. It logs the first of consecutive failures to
// join.
func (c *Camera) Run(ctx context.Context) error {
	defer c.once.Do(func() { close(c.tried) })
	for failed := 0; ctx.Err() == nil; {
		joined, err := c.stay(ctx)
		if ctx.Err() != nil {
			break
		}
		if joined {
			failed = 0
		}
		if failed == 0 {
			c.log.Warn("camera not in its room", "error", err)
		}
		sleep(ctx, random(backoff(failed)))
		failed++
	}
	return nil
}

// stay joins the room and pulls the camera's streams until the membership or ctx ends. While the streams are broken the
// camera keeps its place in the room, and its tile shows a placeholder. The result tells whether the camera joined.
func (c *Camera) stay(ctx context.Context) (joined bool, err error) {
	m, err := c.registry.Join(ctx, c.cfg.Room, c.cfg.joining())
	c.once.Do(func() { close(c.tried) })
	if err != nil {
		return false, err
	}
	defer m.Leave()
	s := newStreams(c.cfg, m, func(spec mixer.FeedSpec) (Feed, error) { return m.Hub().OpenFeed(spec), nil }, c.health, c.log)
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
	return true, m.Err()
}

// joining returns how the camera joins its room.
func (c Config) joining() room.Joining {
	return room.Joining{
		Name: c.Name, Key: "camera/" + c.Name, Kind: room.Camera, Layers: len(c.urls()),
		Publish: room.Media{Audio: c.Audio.pulled(), Video: true}, Solo: !c.Audio.mixed(), FrozenAfter: c.FrozenAfter,
	}
}
