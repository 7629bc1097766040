package engine

import (
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// demands collects the demands that a source announces.
type demands struct {
	mu  sync.Mutex
	all []mixer.Demand
}

func (d *demands) add(one mixer.Demand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

func (d *demands) last() mixer.Demand {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.all) == 0 {
		return mixer.Demand{}
	}
	return d.all[len(d.all)-1]
}

func TestUnwatchedSourceIsNotDecoded(t *testing.T) {
	m := start(t, small)
	var announced demands
	src := m.AddSource(SourceConfig{Name: "a", Demanded: announced.add})
	in := &tape{src: src}
	film{write: in.write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 1 << 20}.run(t) // one keyframe only
	eventually(t, 4*time.Second, "it sends", func() bool { return in.count() > 15 })
	eventually(t, time.Second, "its packets are read, so that it is live and has a size", func() bool {
		st := src.Stats()
		return st.State == mixer.Live && st.Width == 320 && st.Height == 180 && st.VideoCodec == mixer.H264
	})
	if src.Stats().Decoded || src.slot.latest() != nil {
		t.Errorf("decoded %v without anybody watching", src.Stats().Decoded)
	}

	began := time.Now()
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "it is seen", func() bool { return v.shows(image.Rect(80, 40, 240, 100), red) })
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %v until it was seen", d)
	}
	eventually(t, time.Second, "it is said to be decoded", func() bool { return src.Stats().Decoded })
	if got := announced.last(); got != (mixer.Demand{Width: 320, Height: 180, Layer: 0}) {
		t.Errorf("the demand is %v", got)
	}
	v.sub.Close()
	eventually(t, time.Second, "it sleeps again", func() bool { return !src.Stats().Decoded && announced.last() == mixer.Demand{} })
	eventually(t, 5*time.Second, "its old frame is given up", func() bool {
		f := src.slot.latest()
		f.Close()
		return f == nil
	})
	w := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, time.Second, "it is seen again, still without a keyframe", func() bool { return w.shows(image.Rect(80, 40, 240, 100), red) })
}

func TestExcludedAndHiddenSourcesAreNotDecoded(t *testing.T) {
	m := start(t, small)
	all := people(m, 3)
	for _, s := range all {
		publish(t, s, mixer.H264, 320, 180, red)
	}
	v := attend(t, m, mixer.Watching{View: &mixer.View{Exclude: []string{"c"}, Capacity: 2}, Codec: mixer.H264}, nil)
	decoded := func(want ...bool) func() bool {
		return func() bool {
			for i, s := range all {
				if s.Stats().Decoded != want[i] {
					return false
				}
			}
			return true
		}
	}
	eventually(t, 3*time.Second, "a and b are decoded", decoded(true, true, false))
	if err := v.sub.Change(mixer.Watching{View: &mixer.View{Capacity: 2}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Second, "only a beside +2", decoded(true, false, false))
	if err := v.sub.Change(mixer.Watching{View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "c"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Second, "only c", decoded(false, false, true))
}

// TestMutedVideoIsNotDecoded: browsers send black frames while video is muted.
func TestMutedVideoIsNotDecoded(t *testing.T) {
	m := start(t, small)
	var announced demands
	src := m.AddSource(SourceConfig{Name: "a", Demanded: announced.add})
	film{write: src.WriteVideo, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 1 << 20}.run(t) // one keyframe only
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	seen := func() bool { return v.shows(image.Rect(80, 40, 240, 100), red) }
	eventually(t, 3*time.Second, "it is seen", seen)
	src.SetMuted(false, true)
	eventually(t, time.Second, "it is not decoded", func() bool { return !src.Stats().Decoded && announced.last() == mixer.Demand{} })
	eventually(t, time.Second, "its place says so", func() bool { return v.layout().Tiles[0].State == mixer.Muted && !seen() })
	was := src.slot.number()
	v.between(t, time.Second)
	if n := src.slot.number() - was; n > 0 {
		t.Errorf("%d frames were decoded behind the placeholder", n)
	}
	src.SetMuted(false, false)
	eventually(t, time.Second, "it is seen again, still without a keyframe", seen)
	if announced.last() != (mixer.Demand{Width: 320, Height: 180, Layer: 0}) {
		t.Errorf("the demand is %v", announced.last())
	}
}

func TestDemandIsTheLargestTile(t *testing.T) {
	m := start(t, small)
	var announced demands
	m.AddSource(SourceConfig{Name: "a", Demanded: announced.add})
	m.AddSource(SourceConfig{Name: "b"})
	grid := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	is := func(w, h int) func() bool {
		return func() bool { return announced.last() == mixer.Demand{Width: w, Height: h, Layer: 0} }
	}
	eventually(t, 2*time.Second, "half of the grid", is(160, 90))
	focus := attend(t, m, mixer.Watching{View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "a"}, Codec: mixer.H264}, nil)
	eventually(t, 2*time.Second, "alone somewhere", is(320, 180))
	focus.sub.Close()
	eventually(t, 2*time.Second, "the grid again", is(160, 90))
	grid.sub.Close()
	eventually(t, 2*time.Second, "nobody", is(0, 0))
}

// TestDemandSaysIfATileCrops: if one tile of a source crops it, its demand says so, even if the largest tile does not crop.
func TestDemandSaysIfATileCrops(t *testing.T) {
	m := start(t, small)
	camera, screen := m.AddSource(SourceConfig{Name: "a"}), m.AddSource(SourceConfig{Name: "b", Screen: true})
	is := func(what string, w, h int, crops bool) {
		t.Helper()
		if got, want := *camera.video.uses.Load(), (videoUse{w, h, crops, true}); got != want {
			t.Errorf("%s: the camera's use is %+v, want %+v", what, got, want)
		}
		if got := *screen.video.uses.Load(); got.fill {
			t.Errorf("%s: the screen is cropped", what)
		}
	}
	grid := stage(t, m, mixer.View{Fill: true})
	grid.arrange(time.Now())
	is("in a grid that crops", 160, 90, true)
	alone := stage(t, m, mixer.View{Layout: mixer.KindFocus, Spotlight: "a"})
	alone.arrange(time.Now())
	is("fitted elsewhere", 320, 180, true)
	grid.closeTiles()
	is("fitted only", 320, 180, false)
}

// TestSleepBufferIsBounded reads fields of run after run has ended.
func TestSleepBufferIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		size, n int
		key     func(i int) bool
		kept    func(n, weight int) bool
	}{
		"many":          {100, 1000, func(i int) bool { return i == 0 }, func(n, _ int) bool { return n <= asleepPackets }},
		"large":         {1 << 20, 40, func(i int) bool { return i%10 == 0 }, func(_, w int) bool { return w <= asleepBytes }},
		"begins at key": {100, 95, func(i int) bool { return i%10 == 0 }, func(n, _ int) bool { return n == 5 }},
		"no key at all": {100, 50, func(int) bool { return false }, func(n, _ int) bool { return n == 0 }},
	} {
		m := start(t, small)
		src := m.AddSource(SourceConfig{Name: "a"})
		data := make([]byte, c.size)
		for i := range c.n {
			src.video.keepFor(t, mixer.Packet{Codec: mixer.H264, Key: c.key(i), Data: data})
		}
		src.Close()
		if b := src.video.asleep; !c.kept(len(b.packets), b.bytes) || len(b.packets) > 0 && !b.packets[0].Key {
			t.Errorf("%s: %d packets of %d bytes are kept", name, len(b.packets), b.bytes)
		}
	}
}

// keepFor queues p and waits until it is read.
func (v *videoInput) keepFor(t *testing.T, p mixer.Packet) {
	t.Helper()
	v.enqueue(0, p)
	for end := time.Now().Add(5 * time.Second); len(v.packets) > 0; {
		if time.Now().After(end) {
			t.Fatal("packets are not read")
		}
		time.Sleep(50 * time.Microsecond)
	}
}

func TestLayersFollowTheTile(t *testing.T) {
	m := start(t, medium)
	var announced demands
	requested := make(chan struct{}, 10)
	src := m.AddSource(SourceConfig{Name: "a", Layers: 2, Demanded: announced.add, KeyframeWanted: func() {
		select {
		case requested <- struct{}{}:
		default:
		}
	}})
	film{write: func(p mixer.Packet) { src.WriteLayer(0, p) }, id: mixer.H264, w: 640, h: 360, colour: red, blinking: true, gop: 40, requested: requested}.run(t)
	film{write: func(p mixer.Packet) { src.WriteLayer(1, p) }, id: mixer.H264, w: 160, h: 90, colour: green, blinking: true, gop: 5}.run(t)
	src.WriteLayer(2, mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{0, 0, 0, 1, 0x65}})
	src.WriteLayer(-1, mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{0, 0, 0, 1, 0x65}})
	tiny, whole := mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{W: 0.25, H: 0.25}}, NoLabels: true}, mixer.View{NoLabels: true}
	large, strange := false, 0
	v := attend(t, m, mixer.Watching{View: &tiny, Codec: mixer.H264}, func(_ *mixer.Layout, f *codec.Frame) {
		if large && !near(f.Mean(image.Rect(100, 60, 500, 200)), red) {
			strange++
		}
	})
	eventually(t, 3*time.Second, "the small layer on a small tile", func() bool {
		return v.shows(image.Rect(20, 10, 120, 60), green) && src.Stats().Layer == 1 && announced.last() == mixer.Demand{Width: 160, Height: 90, Layer: 1}
	})
	if err := v.sub.Change(mixer.Watching{View: &whole}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 4*time.Second, "the large layer on a large tile", func() bool {
		return v.shows(image.Rect(100, 60, 500, 200), red) && src.Stats().Layer == 0 && announced.last() == mixer.Demand{Width: 640, Height: 360, Layer: 0}
	})
	st := src.Stats()
	if st.Width != 640 || st.Invalid != 0 {
		t.Errorf("%d wide, %d invalid", st.Width, st.Invalid)
	}
	setLarge := func(is bool) {
		v.mu.Lock()
		defer v.mu.Unlock()
		large = is
	}
	setLarge(true)
	was := src.slot.number()
	v.between(t, time.Second)
	setLarge(false)
	if n := src.slot.number() - was; n > 30 || strange > 0 {
		t.Errorf("%d frames of 20 were decoded in a second, %d shown of the other layer", n, strange)
	}
	if err := v.sub.Change(mixer.Watching{View: &tiny}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 4*time.Second, "and back", func() bool { return v.shows(image.Rect(20, 10, 120, 60), green) && src.Stats().Layer == 1 })
}

func TestALayerThatStopsIsReplaced(t *testing.T) {
	m := start(t, medium)
	src := m.AddSource(SourceConfig{Name: "a", Layers: 2})
	stop := film{write: func(p mixer.Packet) { src.WriteLayer(0, p) }, id: mixer.H264, w: 640, h: 360, colour: red, blinking: true, gop: 10}.run(t)
	film{write: func(p mixer.Packet) { src.WriteLayer(1, p) }, id: mixer.H264, w: 160, h: 90, colour: green, blinking: true, gop: 10}.run(t)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	all := image.Rect(100, 60, 500, 200)
	eventually(t, 4*time.Second, "the large layer", func() bool { return v.shows(all, red) })
	stop()
	eventually(t, 4*time.Second, "the small one instead", func() bool { return v.shows(all, green) })
	v.mu.Lock()
	defer v.mu.Unlock()
	if slices.ContainsFunc(v.layouts, func(l datedLayout) bool { return len(l.Tiles) > 0 && l.Tiles[0].State == mixer.Lost }) {
		t.Error("it was called lost meanwhile")
	}
}
