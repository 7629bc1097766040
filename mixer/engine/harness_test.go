package engine

import (
	"cmp"
	"context"
	"image"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// start runs an engine until the test ends, and then demands that all frames are closed.
func start(t *testing.T, cfg mixer.Config) *rig {
	t.Helper()
	noFrames(t)
	return run(t, cfg)
}

// noFrames demands that all frames are closed when the test ends.
func noFrames(t *testing.T) {
	t.Helper()
	before := codec.LiveFrames()
	t.Cleanup(func() {
		if n := codec.LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
}

// together runs tests in parallel, because most of their time is waiting. They use run instead of start.
func together(t *testing.T, tests map[string]func(*testing.T)) {
	t.Helper()
	noFrames(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// run is start without the check of frames, which are counted for the whole process.
func run(t *testing.T, cfg mixer.Config) *rig {
	t.Helper()
	m := newRig(t, cfg)
	m.governor.most = 0                                                   // no frame is left out on a busy machine
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // the engine ends with the test's cleanup, not before
	done := make(chan error, 1)
	go func() { done <- m.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return m
}

// screen is a sink that decodes video.
type screen struct {
	mu      sync.Mutex
	decoder *codec.VideoDecoder
	packets []mixer.Packet
	bad     []int // indexes of packets that did not give exactly one frame
	last    *codec.Frame
}

func watch(t *testing.T, m *rig, id mixer.Codec) (*screen, *subscription) {
	t.Helper()
	d, err := codec.NewVideoDecoder(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{decoder: d}
	sub, err := m.Watch(mixer.Watching{Codec: id}, s)
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

func (s *screen) WritePacket(p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets = append(s.packets, p)
	frames, _ := s.decoder.Decode(p)
	for _, f := range frames {
		s.last.Close()
		s.last = f
	}
}

// mean is the colour of r in the newest frame.
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

// publish sends frames of one colour with a blinking spot in the lower right corner, until stop or the end of the test.
func publish(t *testing.T, src *publisher, id mixer.Codec, w, h int, c codec.Colour) (stop func()) {
	t.Helper()
	return send(t, src.WriteVideo, id, w, h, c, true)
}

// send is publish for any layer. Without blinking all frames are equal.
func send(t *testing.T, write func(mixer.Packet), id mixer.Codec, w, h int, c codec.Colour, blinking bool) (stop func()) {
	t.Helper()
	return film{write: write, id: id, w: w, h: h, colour: c, blinking: blinking, gop: 20}.run(t)
}

// film is the video of a sender: frames of one colour.
type film struct {
	write     func(mixer.Packet)
	id        mixer.Codec
	w, h      int
	colour    codec.Colour
	blinking  bool          // a spot in the lower right corner
	gop       int           // frames from one keyframe to the next
	every     time.Duration // from frame to frame; zero: 50 ms
	requested chan struct{} // each value requests a keyframe
}

// run sends until stop or the end of the test.
func (o film) run(t *testing.T) (stop func()) {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: o.id, Width: o.w, Height: o.h, FPS: 20, Bitrate: 300_000, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.NewFrame(o.w, o.h)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), o.colour)
	every := cmp.Or(o.every, 50*time.Millisecond)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for n := 0; ; n++ {
			if o.blinking {
				f.Fill(image.Rect(o.w-o.w/16, o.h-o.h/16, o.w, o.h), codec.RGB(uint8(n%8*30), 0, 0))
			}
			packets, err := e.Encode(f, time.Duration(n)*every, n%o.gop == 0 || o.wanted())
			if err != nil {
				t.Errorf("encode: %v", err)
				return
			}
			for _, p := range packets {
				o.write(p)
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

// wanted reports whether a keyframe was requested.
func (o film) wanted() bool {
	select {
	case <-o.requested:
		return true
	default:
		return false
	}
}

// viewer is a sink that decodes video with one decoder, until the codec changes, and keeps all layouts. It fails the test
// unless times rise and every packet gives one frame.
type viewer struct {
	*screen
	sub *subscription

	// Under screen's mu.
	id       mixer.Codec // of the last packet
	payloads [][][]byte  // of each packet
	layouts  []datedLayout
	frame    func(l *mixer.Layout, f *codec.Frame) // called for each frame; may be nil
}

// datedLayout is a layout and the index of the packet that follows it.
type datedLayout struct {
	*mixer.Layout
	pts    time.Duration
	packet int
}

func attend(t *testing.T, m *rig, w mixer.Watching, frame func(*mixer.Layout, *codec.Frame)) *viewer {
	t.Helper()
	d, err := codec.NewVideoDecoder(w.Codec, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{screen: &screen{decoder: d}, id: w.Codec, frame: frame}
	if v.sub, err = m.Watch(w, v); err != nil {
		d.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.sub.Close()
		v.decoder.Close()
		v.last.Close()
		v.check(t)
	})
	return v
}

func (v *viewer) WriteLayout(l *mixer.Layout, pts time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.layouts = append(v.layouts, datedLayout{l, pts, len(v.packets)})
}

func (v *viewer) keepPayloads(all [][]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.payloads = append(v.payloads, all)
}

func (v *viewer) WritePacket(p mixer.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.packets = append(v.packets, p)
	if p.Codec != v.id {
		v.decoder.Close()
		v.decoder, _ = codec.NewVideoDecoder(p.Codec, 0) // an error is impossible: attend or Watch has opened this codec
		v.id = p.Codec
	}
	frames, err := v.decoder.Decode(p)
	if err != nil || len(frames) != 1 {
		v.bad = append(v.bad, len(v.packets)-1)
	}
	for _, f := range frames {
		v.last.Close()
		v.last = f
		if v.frame != nil && len(v.layouts) > 0 {
			v.frame(v.layouts[len(v.layouts)-1].Layout, f)
		}
	}
}

func (v *viewer) check(t *testing.T) {
	t.Helper()
	if len(v.bad) > 0 {
		t.Errorf("packets %v of %d are not one frame each", v.bad, len(v.packets))
	}
	for i, p := range v.packets {
		if i == 0 && !p.Key {
			t.Error("the first packet is not a keyframe")
		}
		if i > 0 && p.PTS <= v.packets[i-1].PTS {
			t.Errorf("packet %d at %v follows one at %v", i, p.PTS, v.packets[i-1].PTS)
		}
	}
	if len(v.packets) > 0 && (len(v.layouts) == 0 || v.layouts[0].packet != 0) {
		t.Error("the first frame came without a layout")
	}
	for _, l := range v.layouts {
		if l.packet < len(v.packets) && v.packets[l.packet].PTS != l.pts {
			t.Errorf("a layout at %v was followed by a packet at %v", l.pts, v.packets[l.packet].PTS)
		}
	}
}

// size is the size of the newest frame.
func (v *viewer) size() mixer.Size {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		return mixer.Size{}
	}
	return mixer.Size{W: v.last.Width(), H: v.last.Height()}
}

// layout is the newest layout, or the zero Layout.
func (v *viewer) layout() mixer.Layout {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.layouts) == 0 {
		return mixer.Layout{}
	}
	return *v.layouts[len(v.layouts)-1].Layout
}

// shows reports whether r of the newest frame has that colour.
func (s *screen) shows(r image.Rectangle, c codec.Colour) bool { return near(s.mean(r), c) }

// inner is the upper part of a tile, without its edges, its name and the blinking spot.
func inner(i mixer.TileInfo) image.Rectangle {
	return image.Rect(i.X+i.W/4, i.Y+i.H/8, i.X+i.W*3/4, i.Y+i.H/2)
}

// The colours of sources.
var (
	red   = codec.RGB(200, 20, 20)
	green = codec.RGB(20, 160, 40)
	blue  = codec.RGB(30, 40, 200)
)

var small = mixer.Config{Width: 320, Height: 180, FPS: 20, Bitrate: 500_000, Preset: "ultrafast", Labels: true}

// ear is a sink that decodes audio.
type ear struct {
	mu      sync.Mutex
	decoder *codec.AudioDecoder
	pcm     []int16
	packets []mixer.Packet
}

func (e *ear) WritePacket(p mixer.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets = append(e.packets, p)
	e.pcm, _ = e.decoder.Decode(e.pcm, p)
}

func listen(t *testing.T, m *rig, id mixer.Codec, not *publisher) *ear {
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
func sing(t *testing.T, src *publisher, hz float64) {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer e.Close()
		started := time.Now()
		block := make([]int16, blockLength)
		for n := 0; ; n++ {
			for i := 0; i < len(block); i += 2 {
				v := 6000 * math.Sin(2*math.Pi*hz*float64(n*len(block)/2+i/2)/mixer.SampleRate)
				block[i], block[i+1] = int16(v), int16(v)
			}
			packets, err := e.Encode(block, time.Duration(n)*blockTime)
			if err != nil {
				t.Errorf("encode: %v", err)
				return
			}
			for _, p := range packets {
				src.WriteAudio(p)
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Until(started.Add(time.Duration(n+1) * blockTime))):
			}
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
}

// bright counts the spots of 2x2 pixels in r of the newest frame that are nearly white.
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
