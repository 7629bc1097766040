// Package camera feeds a room with media that the server fetches itself: RTSP cameras, and the files and test patterns
// that [mixer.FeedSpec] names. Each Camera is one goroutine that joins its room as a participant. When its input or its
// membership ends, it starts again after a pause that grows.
package camera

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/room"
)

// Registry is the part of [room.Registry] that cameras use.
type Registry interface {
	Join(ctx context.Context, room string, j room.Joining) (*room.Member, error)
}

// Config names a camera and where its media come from.
type Config struct {
	Room   string
	Name   string
	URL    string // "rtsp://…", "rtsps://…", "file:PATH" or "test:[?w&h&fps&tone&hue]"
	SubURL string // a smaller version of the same video, pulled instead while that is enough; empty: there is none
	UDP    bool   // RTP over UDP instead of inside the RTSP connection
	Audio  bool   // its audio is mixed too
}

// Validate names what is wrong with a URL and what is accepted.
func (c Config) Validate() error {
	for i, raw := range c.urls() {
		if _, err := c.parse(raw); err != nil {
			return fmt.Errorf("camera %s: %s: %w", c.Name, [...]string{"url", "sub_url"}[i], err)
		}
	}
	return nil
}

// urls are the streams in the order of the mixer's layers, the largest first.
func (c Config) urls() []string {
	if c.SubURL == "" {
		return []string{c.URL}
	}
	return []string{c.URL, c.SubURL}
}

// Feed is one kind of input.
type Feed interface {
	// Run delivers packets in real time until ctx ends or the input breaks. The packets are never written to after the
	// call of out. What comes from refresh asks for a keyframe.
	Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error
}

// openFeed opens the file or the test pattern that a spec names.
type openFeed func(mixer.FeedSpec) (Feed, error)

// input is a parsed URL: an RTSP camera or, where rtsp is nil, a spec.
type input struct {
	rtsp *rtspFeed
	spec mixer.FeedSpec
}

// open returns the feed of the input.
func (i input) open(spec openFeed) (Feed, error) {
	if i.rtsp != nil {
		return i.rtsp, nil
	}
	return spec(i.spec)
}

// parse chooses the input by the URL's scheme. It touches neither disk nor network.
func (c Config) parse(raw string) (input, error) {
	scheme, _, _ := strings.Cut(raw, ":")
	switch scheme {
	case "rtsp", "rtsps":
		u, err := base.ParseURL(raw)
		if err != nil || u.Host == "" {
			return input{}, fmt.Errorf("%s: accepted is rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH", redact(raw))
		}
		return input{rtsp: &rtspFeed{url: u, udp: c.UDP, audio: c.Audio}}, nil
	case "file", "test":
		spec, err := mixer.ParseFeed(c.Name, raw)
		return input{spec: spec}, err
	}
	return input{}, fmt.Errorf("%q: accepted are rtsp://HOST/PATH, rtsps://HOST/PATH, file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]", redact(raw))
}

// redact leaves out everything up to the last @: user and password of a URL stand there.
func redact(raw string) string {
	return raw[strings.LastIndex(raw, "@")+1:]
}

// Camera is one configured camera.
type Camera struct {
	cfg      Config
	registry Registry
	log      *slog.Logger
	tried    chan struct{} // closed after the first try to join
	once     sync.Once     // closes tried
}

// New prepares a camera. cfg is valid.
func New(cfg Config, registry Registry, log *slog.Logger) *Camera {
	log = log.With("room", cfg.Room, "camera", cfg.Name)
	return &Camera{cfg: cfg, registry: registry, log: log, tried: make(chan struct{})}
}

// Tried is closed once the camera has joined the room, or has failed to for the first time. Cameras that are started one
// after another, each when the one before has tried, have their places in that order.
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

// pause logs why the camera is lost and waits before another try.
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

// backoff is the pause before another try: 1 s five times, 5 s five times, 10 s ten times, then a minute.
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

// stay joins and plays until the membership ends. While the input is lost the camera keeps its place in the room, where
// its tile shows a placeholder.
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
