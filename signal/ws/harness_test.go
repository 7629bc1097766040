package ws_test

import (
	"context"
	"image"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/layout"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/client"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/ws"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// The canvas of the tests: small, so that ten encoders and decoders fit a small machine.
const (
	width, height, fps = 640, 360, 10
	patience           = 30 * time.Second // for anything that has to happen
)

// server is a whole server but for its pages.
type server struct {
	url   string
	house *room.House
}

type setup struct {
	limits room.Limits
	webrtc peer.Config
	ws     ws.Config
	auth   auth.Config
	log    *slog.Logger // the test's, of warnings, when nil
}

func serve(t *testing.T, s setup) *server {
	t.Helper()
	log := s.log
	if log == nil {
		log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	house, err := room.NewHouse(room.Config{
		Mixer: mixer.Config{Width: width, Height: height, FPS: fps, Bitrate: 1_500_000}, Limits: s.limits,
	}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	if s.webrtc.UDP == "" && s.webrtc.TCP == "" {
		s.webrtc.UDP, s.webrtc.TCP = "127.0.0.1:0", "127.0.0.1:0"
	}
	engine, err := peer.NewEngine(s.webrtc, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- house.Run(ctx) }()
	handler := ws.NewHandler(s.ws, house, engine, authtest.Guard(t, s.auth), log)
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		for _, close := range []func() error{handler.Close, func() error { cancel(); return <-done }, engine.Close} {
			if err := close(); err != nil {
				t.Error(err)
			}
		}
		web.Close()
		if n := engine.Stats().Peers; n != 0 {
			t.Errorf("%d peers are open after everything has ended", n)
		}
		if n := codec.LiveFrames(); n != 0 {
			t.Errorf("%d frames are alive after everything has ended", n)
		}
	})
	return &server{url: "ws" + strings.TrimPrefix(web.URL, "http") + "/ws", house: house}
}

// testWriter shows warnings of the server with the test that caused them.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// dial connects a client until the test ends.
func (s *server) dial(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.URL = s.url
	if cfg.Room == "" {
		cfg.Room = "yard"
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("dial as %q: %v", cfg.Name, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close %q: %v", cfg.Name, err)
		}
	})
	return c
}

// play sends a loop of packets until the test ends or the result is called, which waits.
func play(t *testing.T, packets []codec.Packet, period time.Duration, put func(codec.Packet) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Play(ctx, client.Loop(packets, period), put) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
			t.Errorf("play: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// picture is what a publisher of one colour sends.
type picture struct {
	id            codec.ID
	width, height int
	fps           int
	colour        codec.Colour
}

// packets are one second of it, beginning with a key picture.
func (p picture) packets(t *testing.T) []codec.Packet {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: p.id, Width: p.width, Height: p.height, FPS: p.fps, Bitrate: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(p.width, p.height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Fill(f.Bounds(), p.colour)
	var all []codec.Packet
	for i := range p.fps {
		out, err := e.Encode(f, time.Duration(i)*time.Second/time.Duration(p.fps), i == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out...)
	}
	return all
}

// tone is one second of Opus; hz is a whole number, so that seconds join without a click.
func tone(t *testing.T, hz float64) []codec.Packet {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: codec.Opus})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pcm := make([]int16, codec.SampleRate*codec.Channels)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i/codec.Channels)/codec.SampleRate))
	}
	all, err := e.Encode(pcm, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// screen decodes what a viewer receives and keeps the newest picture.
type screen struct {
	t  *testing.T
	mu sync.Mutex

	decoder *codec.VideoDecoder
	id      codec.ID
	newest  *codec.Frame
	offset  time.Duration // least time from composition to arrival so far, on the test's clock
	at      time.Duration // when newest was composed, on the same clock
}

var began = time.Now() // zero of the test's clock

func newScreen(t *testing.T) *screen {
	s := &screen{t: t}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.decoder.Close()
		s.newest.Close()
		s.newest = nil
	})
	return s
}

// put is a client's OnVideo.
func (s *screen) put(p codec.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id != p.Codec {
		s.decoder.Close()
		d, err := codec.NewVideoDecoder(p.Codec, 0)
		if err != nil {
			s.t.Errorf("decode the mix: %v", err)
			return
		}
		s.decoder, s.id = d, p.Codec
	}
	arrived := time.Since(began) - p.PTS
	if s.offset == 0 || arrived < s.offset {
		s.offset = arrived
	}
	s.at = p.PTS + s.offset
	frames, err := s.decoder.Decode(p)
	if err != nil {
		s.t.Errorf("decode the mix: %v", err)
	}
	for _, f := range frames {
		s.newest.Close()
		s.newest = f
	}
}

// composed is when the newest picture was made: what a slow machine adds on the way to the
// screen does not count.
func (s *screen) composed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return began.Add(s.at)
}

// tile is the mean colour in the middle of tile i of n, of a source of the given size.
func (s *screen) tile(i, n, w, h int) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil || s.newest.Width() != width || s.newest.Height() != height {
		return codec.Colour{}, false
	}
	r := layout.Fit(w, h, layout.Grid(n, width, height)[i])
	inner := image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H).Inset(min(r.W, r.H) / 8)
	return s.newest.Mean(inner), true
}

// shows tells whether tile i of n is a picture of p, everywhere but at its edges.
func (s *screen) shows(i, n int, p picture) bool {
	got, ok := s.tile(i, n, p.width, p.height)
	return ok && near(got, p.colour)
}

// showsAll tells whether the mix is exactly these pictures in this order.
func (s *screen) showsAll(all []picture) bool {
	for i, p := range all {
		if !s.shows(i, len(all), p) {
			return false
		}
	}
	return len(all) > 0
}

func near(a, b codec.Colour) bool {
	const tolerance = 10
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.Y, b.Y) <= tolerance && d(a.U, b.U) <= tolerance && d(a.V, b.V) <= tolerance
}
