package mixertest

import (
	"bytes"
	"image"
	"math"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/pack"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
	"azulejo/mixer/hub"
)

// The colours of sources. They are constant.
var (
	red   = codec.RGB(200, 20, 20)
	green = codec.RGB(20, 160, 40)
)

// camera sends 20 frames a second. The frames have one colour, and a blinking spot in the lower right corner.
type camera struct {
	t      *testing.T
	write  func(mixer.Packet)
	codec  mixer.Codec
	size   mixer.Size
	colour codec.Colour
	gop    int // frames from one keyframe to the next

	mu   sync.Mutex
	sent map[string]bool // the data of all packets that were sent
}

// film starts a camera that calls write with its packets. gop is the number of frames from one keyframe to the next. The camera
// stops at the end of the test.
func film(t *testing.T, write func(mixer.Packet), id mixer.Codec, size mixer.Size, colour codec.Colour, gop int) *camera {
	t.Helper()
	c := &camera{t: t, write: write, codec: id, size: size, colour: colour, gop: gop, sent: map[string]bool{}}
	encoder, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: id, Width: size.W, Height: size.H, FPS: 20, Bitrate: 300_000, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := codec.NewFrame(size.W, size.H)
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		c.run(encoder, frame, quit)
	}()
	t.Cleanup(func() { close(quit); <-done; encoder.Close(); frame.Close() })
	return c
}

func (c *camera) run(encoder *codec.VideoEncoder, frame *codec.Frame, quit <-chan struct{}) {
	const period = 50 * time.Millisecond
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	frame.Fill(frame.Bounds(), c.colour)
	for n := 0; ; n++ {
		frame.Fill(image.Rect(c.size.W-c.size.W/16, c.size.H-c.size.H/16, c.size.W, c.size.H), codec.RGB(uint8(n%8*30), 0, 0))
		packets, err := encoder.Encode(frame, time.Duration(n)*period, n%c.gop == 0)
		if err != nil {
			c.t.Errorf("encode: %v", err)
			return
		}
		for _, p := range packets {
			c.remember(p)
			c.write(p)
		}
		select {
		case <-quit:
			return
		case <-ticker.C:
		}
	}
}

func (c *camera) remember(p mixer.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[string(p.Data)] = true
}

// hasSent reports whether the camera has sent a packet with the same data as p.
func (c *camera) hasSent(p mixer.Packet) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[string(p.Data)]
}

// viewer is a sink that checks and decodes the packets of a subscription. It fails the test unless:
//   - the first packet is a keyframe and comes after a layout,
//   - PTS rises,
//   - every packet decodes to one frame,
//   - the payloads of a packet are those that codec/pack makes of its data.
type viewer struct {
	t   *testing.T
	sub *hub.VideoSubscription

	mu      sync.Mutex
	decoder *codec.VideoDecoder // replaced when the codec changes
	packets []mixer.Packet
	layouts []layoutChange
	frame   *codec.Frame // the newest frame; owned
	closed  bool
}

// layoutChange is a layout, and the first packet with this layout.
type layoutChange struct {
	*mixer.Layout
	pts    time.Duration // of the packet, as WriteLayout got it
	packet int           // index of the packet in viewer.packets
}

// watch subscribes a viewer. The subscription ends with the test.
func watch(r *rig, w mixer.Watching) *viewer {
	r.t.Helper()
	v := &viewer{t: r.t}
	var err error
	if v.sub, err = r.Watch(r.t.Context(), w, v); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		v.sub.Close()
		v.mu.Lock()
		defer v.mu.Unlock()
		v.closed = true
		v.decoder.Close()
		v.frame.Close()
	})
	return v
}

func (v *viewer) WriteLayout(l *mixer.Layout, pts time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.layouts = append(v.layouts, layoutChange{l, pts, len(v.packets)})
}

func (v *viewer) WritePacket(p hub.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		v.t.Error("a packet after Close")
		return
	}
	v.check(p)
	v.packets = append(v.packets, p.Packet)
	v.decode(p.Packet)
}

// check compares p with the packets and layouts before it. v.mu is held.
func (v *viewer) check(p hub.Packet) {
	n := len(v.packets)
	switch {
	case n == 0 && !p.Key:
		v.t.Error("the first packet is no keyframe")
	case n == 0 && len(v.layouts) == 0:
		v.t.Error("the first packet came without a layout")
	case n > 0 && p.PTS <= v.packets[n-1].PTS:
		v.t.Errorf("packet %d at %v follows one at %v", n, p.PTS, v.packets[n-1].PTS)
	case n > 0 && p.Codec != v.packets[n-1].Codec && !p.Key:
		v.t.Errorf("packet %d has another codec and is no keyframe", n)
	}
	if k := len(v.layouts); k > 0 && v.layouts[k-1].packet == n && v.layouts[k-1].pts != p.PTS {
		v.t.Errorf("a layout at %v is followed by a packet at %v", v.layouts[k-1].pts, p.PTS)
	}
	checkPayloads(v.t, p)
}

// checkPayloads fails the test if the payloads of p are not those that codec/pack makes of its data. The boundaries of an
// encoder's packets decide their payloads, so checkPayloads tests the boundaries too.
func checkPayloads(t *testing.T, p hub.Packet) {
	got, want := p.Payloads(), pack.Payloads(p.Codec, p.Data)
	if len(want) == 0 || len(got) != len(want) {
		t.Errorf("a packet of %d bytes was cut into %d payloads, want %d", len(p.Data), len(got), len(want))
		return
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("payload %d of %d is another one", i, len(got))
		}
	}
}

// decode decodes p, the newest packet. v.mu is held.
func (v *viewer) decode(p mixer.Packet) {
	if n := len(v.packets); n == 1 || v.packets[n-2].Codec != p.Codec {
		v.decoder.Close()
		var err error
		if v.decoder, err = codec.NewVideoDecoder(p.Codec, 0); err != nil {
			v.t.Error(err)
			return
		}
	}
	frames, err := v.decoder.Decode(p)
	if err != nil || len(frames) != 1 {
		v.t.Errorf("packet %d gave %d frames, error %v", len(v.packets)-1, len(frames), err)
	}
	for _, f := range frames {
		v.frame.Close()
		v.frame = f
	}
}

// count returns how many packets have come.
func (v *viewer) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.packets)
}

// since returns a copy of the packets from index n on.
func (v *viewer) since(n int) []mixer.Packet {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]mixer.Packet(nil), v.packets[n:]...)
}

// shows reports whether the mean colour of a part of the newest frame is colour. Y, U and V may each differ by 10. part is in
// percent of the width and the height of the frame.
func (v *viewer) shows(part image.Rectangle, colour codec.Colour) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.frame == nil {
		return false
	}
	w, h := v.frame.Width(), v.frame.Height()
	got := v.frame.Mean(image.Rect(part.Min.X*w/100, part.Min.Y*h/100, part.Max.X*w/100, part.Max.Y*h/100))
	return Near(got, colour, 10)
}

// Parts of a frame in percent, away from labels and blinking spots. They are constant.
var (
	middle = image.Rect(25, 20, 75, 55)
	left   = image.Rect(15, 35, 35, 50)
	right  = image.Rect(65, 35, 85, 50)
)

// size returns the size of the newest frame. It is zero before the first frame.
func (v *viewer) size() mixer.Size {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.frame == nil {
		return mixer.Size{}
	}
	return mixer.Size{W: v.frame.Width(), H: v.frame.Height()}
}

// layout returns the newest layout. It is zero before the first layout.
func (v *viewer) layout() mixer.Layout {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.layouts) == 0 {
		return mixer.Layout{}
	}
	return *v.layouts[len(v.layouts)-1].Layout
}

// states returns the states of the sources on the tiles, in the order of the tiles.
func (v *viewer) states() (all []mixer.State) {
	for _, tile := range v.layout().Tiles {
		all = append(all, tile.State)
	}
	return all
}

// listener is a sink that decodes the packets of a subscription to audio.
type listener struct {
	sub *hub.AudioSubscription

	mu      sync.Mutex
	decoder *codec.AudioDecoder
	packets []mixer.Packet
	samples []int16 // interleaved
}

// listen subscribes a listener. If exclude is zero, no source is excluded. The subscription ends with the test.
func listen(r *rig, id mixer.Codec, exclude mixer.SourceID) *listener {
	r.t.Helper()
	d, err := codec.NewAudioDecoder(id, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	l := &listener{decoder: d}
	if l.sub, err = r.Listen(r.t.Context(), id, exclude, l); err != nil {
		d.Close()
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.sub.Close(); d.Close() })
	return l
}

func (l *listener) WritePacket(p hub.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.packets = append(l.packets, p.Packet)
	l.samples, _ = l.decoder.Decode(l.samples, p.Packet)
}

// level returns the level of a tone in the last half second, in dBFS. It returns false before half a second has been decoded.
func (l *listener) level(hz float64) (float64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) < second/2 {
		return 0, false
	}
	return pcm.Goertzel(l.samples[len(l.samples)-second/2:], mixer.SampleRate, hz), true
}

// blockTime is the duration of an Opus packet.
const blockTime = 20 * time.Millisecond

// sing writes a tone of hz Hz to a source, in real time, until stop is called or the test ends.
func sing(t *testing.T, s *hub.Source, hz float64) (stop func()) {
	t.Helper()
	encoder, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer encoder.Close()
		began := time.Now()
		block := make([]int16, second/50)
		for n := 0; ; n++ {
			for i := range block {
				block[i] = int16(6000 * math.Sin(2*math.Pi*hz*float64((n*len(block)+i)/mixer.Channels)/mixer.SampleRate))
			}
			packets, err := encoder.Encode(block, time.Duration(n)*blockTime)
			if err != nil {
				t.Errorf("encode: %v", err)
				return
			}
			for _, p := range packets {
				s.WriteAudio(p)
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Until(began.Add(time.Duration(n+1) * blockTime))):
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(quit); <-done })
	t.Cleanup(stop)
	return stop
}

// checkContinuous fails the test if packets are missing. On a busy machine an encoder may be so late that its packets are skipped.
// So half a second of packets may be missing.
func (l *listener) checkContinuous(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := time.Duration(0)
	for i, p := range l.packets[1:] {
		step := p.PTS - l.packets[i].PTS
		if step <= 0 || step%blockTime != 0 {
			t.Errorf("packet %d comes %v after the one before", i+1, step)
		}
		missing += step - blockTime
	}
	if missing > 500*time.Millisecond {
		t.Errorf("%v are missing", missing)
	}
}
