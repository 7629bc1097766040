// Package camera feeds a room from what the server fetches itself: RTSP cameras, media files that play in
// a loop and synthetic test pictures. Each Camera is one goroutine that joins its room as a participant and begins
// again, with a growing pause, whenever its input or its membership ends.
package camera

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/room"
)

// Registry is where cameras go in.
type Registry interface {
	Join(ctx context.Context, room string, j room.Joining) (*room.Member, error)
}

// Config names a camera and where its media come from.
type Config struct {
	Room   string
	Name   string
	URL    string // "rtsp://…", "rtsps://…", "file:PATH" or "test:[?w&h&fps&tone&hue]"
	SubURL string // the same picture, smaller, pulled instead while that is enough; empty: there is none
	UDP    bool   // RTP over UDP instead of inside the RTSP connection
	Audio  bool   // its sound is mixed too
}

// Validate names what is wrong with a URL and what is accepted.
func (c Config) Validate() error {
	for i, raw := range c.urls() {
		if _, err := c.open(raw); err != nil {
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

// sink takes the media of a feed; nothing it is given is written to again.
type sink interface {
	PutVideo(p mixer.Packet)
	PutAudio(p mixer.Packet)
}

// feed is one kind of input. run delivers in real time until ctx ends or the input breaks; refresh is
// asked for a key picture.
type feed interface {
	run(ctx context.Context, out sink, refresh <-chan struct{}) error
}

// open chooses the feed by the URL's scheme. It touches neither disk nor network.
func (c Config) open(raw string) (feed, error) {
	scheme, rest, _ := strings.Cut(raw, ":")
	switch scheme {
	case "rtsp", "rtsps":
		u, err := base.ParseURL(raw)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s: accepted is rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH", redact(raw))
		}
		return &rtspFeed{url: u, udp: c.UDP, audio: c.Audio}, nil
	case "file":
		if path := strings.TrimPrefix(rest, "//"); path != "" {
			return fileFeed(path), nil
		}
		return nil, fmt.Errorf("%q: a path must follow \"file:\"", raw)
	case "test":
		q, err := url.ParseQuery(strings.TrimPrefix(rest, "?"))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", raw, err)
		}
		return newPattern(c.Name, q)
	}
	return nil, fmt.Errorf("%q: accepted are rtsp://HOST/PATH, rtsps://HOST/PATH, file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]", redact(raw))
}

// redact leaves out what stands before the last @, where a URL has its password.
func redact(raw string) string {
	return raw[strings.LastIndex(raw, "@")+1:]
}

// Camera is one configured camera.
type Camera struct {
	cfg      Config
	registry Registry
	log      *slog.Logger
	tried    chan struct{} // closed after the first try to join
	once     sync.Once     // of tried
}

// New prepares a camera of a valid Config.
func New(cfg Config, registry Registry, log *slog.Logger) *Camera {
	return &Camera{cfg: cfg, registry: registry, log: log.With("room", cfg.Room, "camera", cfg.Name), tried: make(chan struct{})}
}

// Tried is closed once the camera has its place in the room, or has failed to get it for the first time.
// Whoever starts cameras one after another gives them their places in that order.
func (c *Camera) Tried() <-chan struct{} { return c.tried }

// Run keeps the camera in its room until ctx ends.
func (c *Camera) Run(ctx context.Context) {
	defer c.once.Do(func() { close(c.tried) })
	for try := 0; ctx.Err() == nil; try++ {
		err := c.stay(ctx)
		pause(ctx, c.log, try, err)
	}
}

// pause says why the camera is not there and waits before another try.
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

// stay joins and plays until the membership ends. A camera that is lost keeps its place meanwhile, where a
// placeholder says so.
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
	s := newStreams(c.cfg, m, c.log)
	m.OnRefresh(s.refresh)
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
