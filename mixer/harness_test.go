package mixer

import (
	"context"
	"image"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// start runs a mixer until the test ends, and then demands that no frame is left.
func start(t *testing.T, cfg Config) *Mixer {
	t.Helper()
	before := codec.LiveFrames()
	m, err := New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	m.governor.most = 0 // whoever tests pictures on a busy machine wants all of them
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		for _, s := range m.snapshot() {
			s.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if n := codec.LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
	return m
}

// screen decodes what it is sent.
type screen struct {
	mu      sync.Mutex
	decoder *codec.VideoDecoder
	packets []codec.Packet
	last    *codec.Frame
}

func watch(t *testing.T, m *Mixer, id codec.ID) (*screen, *Subscription) {
	t.Helper()
	d, err := codec.NewVideoDecoder(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{decoder: d}
	sub, err := m.Watch(Watching{Codec: id}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sub.Close()
		d.Close()
		s.last.Close()
	})
	return s, sub
}

func (s *screen) WritePacket(p codec.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets = append(s.packets, p)
	frames, _ := s.decoder.Decode(p)
	for _, f := range frames {
		s.last.Close()
		s.last = f
	}
}

// mean is the colour of r in the newest picture.
func (s *screen) mean(r image.Rectangle) codec.Colour {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return codec.Colour{}
	}
	return s.last.Mean(r)
}

func (s *screen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.packets)
}

// eventually polls until ok, and fails the test after limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, limit)
}

func near(a, b codec.Colour) bool {
	d := func(x, y uint8) bool { return math.Abs(float64(x)-float64(y)) <= 8 }
	return d(a.Y, b.Y) && d(a.U, b.U) && d(a.V, b.V)
}

// publish makes src one colour with a blinking spot in the lower right corner, until stopped.
func publish(t *testing.T, src *Source, id codec.ID, w, h int, c codec.Colour) (stop func()) {
	t.Helper()
	return send(t, src.PutVideo, id, w, h, c, true)
}

// send is publish for any layer; without blinking all pictures are the same.
func send(t *testing.T, put func(codec.Packet), id codec.ID, w, h int, c codec.Colour, blinking bool) (stop func()) {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: id, Width: w, Height: h, FPS: 20, Bitrate: 300_000, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), c)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for n := 0; ; n++ {
			if blinking {
				f.Fill(image.Rect(w-w/16, h-h/16, w, h), codec.RGB(uint8(n%8*30), 0, 0))
			}
			packets, err := e.Encode(f, time.Duration(n)*50*time.Millisecond, n%20 == 0)
			if err != nil {
				t.Errorf("encode: %v", err)
				return
			}
			for _, p := range packets {
				put(p)
			}
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(quit); <-done; e.Close(); f.Close() })
	t.Cleanup(stop)
	return stop
}

var small = Config{Width: 320, Height: 180, FPS: 20, Bitrate: 500_000, Preset: "ultrafast", Labels: true}

// ear decodes what it is sent.
type ear struct {
	mu      sync.Mutex
	decoder *codec.AudioDecoder
	pcm     []int16
	packets []codec.Packet
}

func (e *ear) WritePacket(p codec.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets = append(e.packets, p)
	e.pcm, _ = e.decoder.Decode(e.pcm, p)
}

func listen(t *testing.T, m *Mixer, id codec.ID, not *Source) *ear {
	t.Helper()
	d, err := codec.NewAudioDecoder(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{decoder: d}
	sub, err := m.Listen(id, not, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Close(); d.Close() })
	return e
}

// sing sends a tone until the test ends.
func sing(t *testing.T, src *Source, hz float64) {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: codec.Opus})
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer e.Close()
		begin := time.Now()
		block := make([]int16, blockLength)
		for n := 0; ; n++ {
			for i := 0; i < len(block); i += 2 {
				v := 6000 * math.Sin(2*math.Pi*hz*float64(n*len(block)/2+i/2)/codec.SampleRate)
				block[i], block[i+1] = int16(v), int16(v)
			}
			packets, err := e.Encode(block, time.Duration(n)*blockTime)
			if err != nil {
				t.Errorf("encode: %v", err)
				return
			}
			for _, p := range packets {
				src.PutAudio(p)
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Until(begin.Add(time.Duration(n+1) * blockTime))):
			}
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
}

// bright counts the spots of 2x2 pixels in r of the newest picture that are nearly white.
func (s *screen) bright(r image.Rectangle) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return 0
	}
	for y := r.Min.Y; y < r.Max.Y; y += 2 {
		for x := r.Min.X; x < r.Max.X; x += 2 {
			if s.last.Mean(image.Rect(x, y, x+2, y+2)).Y > 150 {
				n++
			}
		}
	}
	return n
}
