package engine

import (
	"errors"
	"image"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/codec/h264"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// shoot encodes n frames of 320x180 with a keyframe every gop frames. at(n) is the x of a white spot; 0: no spot.
func shoot(t *testing.T, n, gop int, at func(n int) int) []mixer.Packet {
	t.Helper()
	cfg := codec.VideoConfig{Codec: mixer.H264, Width: 320, Height: 180, FPS: 20, Bitrate: 900_000, Preset: "ultrafast"}
	return codectest.Encode(t, cfg, n, gop, func(f *codec.Frame, i int) {
		for x := 0; x < 320; x += 16 {
			f.Fill(image.Rect(x, 0, x+16, 180), codec.RGB(uint8(x/2), 60, 90))
		}
		if x := at(i); x > 0 {
			f.Fill(image.Rect(x, 80, x+8, 88), codec.RGB(250, 250, 250))
		}
	})
}

func nowhere(int) int { return 0 }

// audience compares the frames of a source with those of a full decode.
type audience struct {
	t       *testing.T
	src     *publisher
	decoder *codec.VideoDecoder
	last    *codec.Frame
}

func newAudience(t *testing.T, src *publisher) *audience {
	t.Helper()
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{t: t, src: src, decoder: d}
	t.Cleanup(func() {
		d.Close()
		a.last.Close()
	})
	a.look(true)
	return a
}

// look sets whether somebody sees the video, in full size, and waits until the decoder follows.
func (a *audience) look(is bool) {
	a.t.Helper()
	u := videoUse{}
	if is {
		u = videoUse{w: 320, h: 180, decode: true}
	}
	a.src.video.demand(u)
	eventually(a.t, 5*time.Second, "the demand is followed", func() bool { return a.src.Stats().Decoded == is })
}

// expect decodes p with the decoder of the test, and reports whether p gave a frame. Like a slot, it keeps the frame
// before if the new one looks like it.
func (a *audience) expect(p mixer.Packet) bool {
	a.t.Helper()
	frames, err := a.decoder.Decode(p)
	if err != nil && !errors.Is(err, mixer.ErrInvalidData) {
		a.t.Fatal(err)
	}
	for _, f := range frames {
		if a.last != nil && a.last.LooksLike(f) {
			f.Close()
			continue
		}
		a.last.Close()
		a.last = f
	}
	return len(frames) > 0
}

// see waits until the slot has the expected frame.
func (a *audience) see(what string) {
	a.t.Helper()
	eventually(a.t, 5*time.Second, what, func() bool {
		f := a.src.slot.latest()
		defer f.Close()
		return f == nil && a.last == nil || f != nil && a.last != nil && f.Same(a.last)
	})
}

// film plays packets one by one and demands the expected frame after each.
func (a *audience) film(packets []mixer.Packet) {
	a.t.Helper()
	for _, p := range packets {
		now := time.Now()
		shown := a.expect(p)
		a.src.WriteVideo(p)
		eventually(a.t, 5*time.Second, "the packet is used", func() bool {
			_, at := a.src.slot.status()
			return !shown || at.After(now)
		})
		a.see("the frame of a full decode")
	}
}

// found counts the packets that repeat, and those of them that are never decoded.
func found(packets []mixer.Packet) (n, never int) {
	var d repeat.Detector
	run := 0
	for _, p := range packets {
		switch {
		case d.Repeats(p.Data):
			n++
			run++
		case h264.IsIDR(p.Data):
			never += min(run, repeatPackets)
			run = 0
		default:
			run = 0
		}
	}
	return n, never
}

// TestAStillCameraIsNotDecoded reads fields of run after run has ended.
func TestAStillCameraIsNotDecoded(t *testing.T) {
	m := start(t, small)
	for name, c := range map[string]struct{ n, gop, kept, never int }{
		"a short GOP":           {55, 20, 14, 38},
		"one that ends":         {61, 20, 0, 57},
		"more than can be kept": {201, 200, 0, repeatPackets},
		"no end":                {200, 1000, repeatPackets, 0},
	} {
		src := m.AddSource(SourceConfig{Name: name})
		a := newAudience(t, src)
		packets := shoot(t, c.n, c.gop, nowhere)
		a.film(packets)
		if n, _ := found(packets); n != c.n-(c.n+c.gop-1)/c.gop {
			t.Fatalf("%s: %d of %d frames repeat", name, n, c.n)
		}
		st := src.Stats()
		if st.State != mixer.Live || st.Age > 2*time.Second || st.Dropped+st.Invalid > 0 || !src.video.calm() {
			t.Errorf("%s: %+v, calm %v", name, st, src.video.calm())
		}
		if seq, _ := src.slot.status(); seq > 4 {
			t.Errorf("%s: %d frames were new", name, seq)
		}
		src.Close()
		if b := src.video.postponed; len(b.packets) != c.kept || b.bytes > repeatBytes || st.Repeated != uint64(c.never) {
			t.Errorf("%s: %d packets of %d bytes are kept, want %d; %d were never decoded, want %d",
				name, len(b.packets), b.bytes, c.kept, st.Repeated, c.never)
		}
	}
}

// intra marks all large packets as key packets, like I slices that come with parameter sets.
func intra(packets []mixer.Packet) []mixer.Packet {
	for i, p := range packets {
		packets[i].Key = len(p.Data) > len(packets[0].Data)/2
	}
	return packets
}

// TestFramesEqualThoseOfAFullDecode plays scenes that come to rest and begin to move again.
func TestFramesEqualThoseOfAFullDecode(t *testing.T) {
	const rest = "testsrc2=size=320x180:rate=20,loop=loop=-1:size=1,trim=duration=4"
	const stir = rest + "[a];color=white:size=8x8:rate=20[b];[a][b]overlay=x=mod(n*7\\,300):y=60:enable=gt(mod(n\\,20)\\,14):shortest=1"
	now := func(n int) int {
		if n%20 < 14 {
			return 0
		}
		return n
	}
	films := map[string][]mixer.Packet{
		"own":          shoot(t, 90, 30, now),
		"own, endless": shoot(t, 200, 1000, func(n int) int { return now(max(n-150, 0)) }),
		"references":   clip(t, stir, "-bf", "0", "-qp", "26", "-x264-params", "ref=4:keyint=10:min-keyint=10:scenecut=0:weightp=2"),
		"I frames":     intra(clip(t, rest+",negate=enable=gt(mod(n\\,20)\\,9)", "-bf", "0", "-qp", "26", "-x264-params", "ref=4:keyint=1000:min-keyint=999")),
		"B frames":     clip(t, stir, "-bf", "2", "-qp", "26"),
		"slices":       clip(t, stir, "-profile:v", "baseline", "-qp", "26", "-x264-params", "slices=4:keyint=10"),
	}
	m := start(t, small)
	for name, packets := range films {
		t.Run(name, func(t *testing.T) {
			src := m.AddSource(SourceConfig{Name: name})
			newAudience(t, src).film(packets)
			n, never := found(packets)
			if name == "B frames" {
				n, never = len(packets), 0
			}
			if st := src.Stats(); st.Invalid > 0 || st.Dropped > 0 || st.Repeated != uint64(never) || n < len(packets)/3 {
				t.Errorf("%+v; %d of %d repeat, want %d never decoded", st, n, len(packets), never)
			}
			src.Close()
		})
	}
}

// TestPostponedFramesAfterAnInterruption: postponed frames are decoded after a sleep, and dropped at a loss.
func TestPostponedFramesAfterAnInterruption(t *testing.T) {
	moving := func(n int) int {
		if n < 20 {
			return 0
		}
		return 3 * n
	}
	// filming returns an audience that has seen the first 15 of n frames.
	filming := func(t *testing.T, n, gop int) (*audience, []mixer.Packet) {
		t.Helper()
		src := start(t, small).AddSource(SourceConfig{Name: "a"})
		a, packets := newAudience(t, src), shoot(t, n, gop, moving)
		a.film(packets[:15])
		return a, packets
	}
	t.Run("sleep", func(t *testing.T) {
		a, packets := filming(t, 40, 100)
		a.look(false)
		for _, p := range packets[15:30] { // the first five repeat
			a.expect(p)
			a.src.video.keepFor(t, p)
		}
		a.look(true)
		a.see("what moved meanwhile")
		a.film(packets[30:])
	})
	t.Run("short sleep", func(t *testing.T) {
		a, packets := filming(t, 40, 100)
		a.look(false)
		a.look(true)
		a.film(packets[15:])
	})
	t.Run("loss", func(t *testing.T) {
		a, packets := filming(t, 60, 30)
		lost := packets[16]
		lost.Lost = true
		for _, p := range append([]mixer.Packet{lost}, packets[17:30]...) {
			a.src.video.keepFor(t, p)
			a.see("the frame before the loss")
		}
		for _, p := range packets[15:30] {
			a.expect(p)
		}
		a.film(packets[30:])
		if st := a.src.Stats(); st.Dropped != 14 {
			t.Errorf("%d were dropped, want 14", st.Dropped)
		}
	})
	t.Run("another codec", func(t *testing.T) {
		a, packets := filming(t, 60, 30)
		stop := send(t, a.src.WriteVideo, mixer.VP8, 320, 180, red, false)
		eventually(t, 5*time.Second, "VP8 is seen", func() bool { return a.src.Stats().VideoCodec == mixer.VP8 })
		stop()
		for _, p := range packets[15:30] {
			a.expect(p)
		}
		a.film(packets[30:])
	})
	t.Run("overflow", func(t *testing.T) {
		a, packets := filming(t, 60, 30)
		a.src.video.overflow.Store(true)
		for _, p := range packets[15:30] {
			a.expect(p)
			a.src.video.keepFor(t, p)
		}
		a.film(packets[30:])
		if st := a.src.Stats(); st.Dropped != 15 {
			t.Errorf("%d were dropped, want 15", st.Dropped)
		}
	})
	t.Run("layers", func(t *testing.T) {
		m := start(t, small)
		src := m.AddSource(SourceConfig{Name: "a", Layers: 2})
		sub := newAudience(t, src)
		for _, p := range clip(t, "testsrc2=size=160x90:rate=20,loop=loop=-1:size=1,trim=duration=1", "-bf", "0", "-qp", "26") {
			sub.expect(p)
			src.WriteLayer(1, p)
			sub.see("the small layer")
		}
		newAudience(t, src).film(shoot(t, 60, 30, moving)) // the large layer replaces the small one at once
		if st := src.Stats(); st.Layer != 0 || st.Invalid+st.Dropped > 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestRepeatBufferIsBounded: fewer large frames are postponed, so that decoding them takes no longer.
func TestRepeatBufferIsBounded(t *testing.T) {
	for size, most := range map[mixer.Size]int{{W: 1280, H: 720}: 128, {W: 1920, H: 1080}: 113, {W: 3840, H: 2160}: 28, {W: 16384, H: 16384}: 1} {
		var b repeatBuffer
		for !b.full(size) {
			b.add(mixer.Packet{Data: make([]byte, 30)})
		}
		if n := len(b.packets) - 1; n != most {
			t.Errorf("of %v %d are kept, want %d", size, n, most)
		}
	}
	var b repeatBuffer
	for !b.full(mixer.Size{W: 320, H: 180}) {
		b.add(mixer.Packet{Data: make([]byte, 100_000)})
	}
	if b.bytes > repeatBytes+100_000 {
		t.Errorf("%d bytes are kept", b.bytes)
	}
}
