package engine

import (
	"image"
	"maps"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// held is how many stills the source has and how many tiles hold them.
func (s *publisher) held() (stills, holders int) {
	s.stills.mu.Lock()
	defer s.stills.mu.Unlock()
	for _, st := range s.stills.all {
		stills++
		holders += st.holders
	}
	return stills, holders
}

func TestStillsAreSharedByViews(t *testing.T) {
	m := start(t, small)
	a := m.AddSource(SourceConfig{Name: "a"})
	publish(t, a, mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.H264, 320, 180, green)
	grid := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	same := attend(t, m, mixer.Watching{View: &mixer.View{Capacity: 7}, Codec: mixer.H264}, nil)
	left := image.Rect(40, 60, 120, 90)
	eventually(t, 3*time.Second, "both views show it", func() bool { return grid.shows(left, red) && same.shows(left, red) })
	if stills, holders := a.held(); stills != 1 || holders != 2 || m.running() != 2 {
		t.Errorf("%d stills with %d holders in %d views, want one with two in two", stills, holders, m.running())
	}
	other := attend(t, m, mixer.Watching{View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "a"}, Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "another size", func() bool { return other.shows(image.Rect(80, 40, 240, 100), red) })
	if stills, holders := a.held(); stills != 2 || holders != 3 {
		t.Errorf("%d stills with %d holders, want two with three", stills, holders)
	}
	same.sub.Close()
	other.sub.Close()
	if stills, holders := a.held(); stills != 1 || holders != 1 {
		t.Errorf("%d stills with %d holders after two left, want one with one", stills, holders)
	}
	grid.sub.Close()
	if stills, holders := a.held(); stills != 0 || holders != 0 {
		t.Errorf("%d stills with %d holders after all left", stills, holders)
	}
}

// between counts the packets that v got with times from a to b after the newest so far.
func (v *viewer) between(t *testing.T, wait time.Duration) []mixer.Packet {
	t.Helper()
	v.mu.Lock()
	from := v.packets[len(v.packets)-1].PTS
	n := len(v.packets)
	v.mu.Unlock()
	reached := func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.packets[len(v.packets)-1].PTS >= from+wait
	}
	eventually(t, wait+4*time.Second, "time passes", reached)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.packets[n:]
}

func TestStillWallIsEncodedOnceASecond(t *testing.T) {
	cfg := small
	cfg.GOP = time.Minute
	m := start(t, cfg)
	send(t, m.AddSource(SourceConfig{Name: "a"}).WriteVideo, mixer.H264, 320, 180, red, false)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "the frame", func() bool { return v.shows(image.Rect(80, 40, 240, 100), red) })
	v.between(t, time.Second) // the encoder of the source settles
	got := v.between(t, 2*time.Second)
	if len(got) < 2 || len(got) > 3 {
		t.Errorf("%d frames in 2 s of a still wall, want 2 or one more", len(got))
	}
	at := v.count()
	v.sub.RequestKeyframe()
	eventually(t, 700*time.Millisecond, "a keyframe of the still wall at once", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, p := range v.packets[at:] {
			if p.Key {
				return true
			}
		}
		return false
	})
	w := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 700*time.Millisecond, "a new viewer sees a still wall at once", func() bool { return w.shows(image.Rect(80, 40, 240, 100), red) })
}

func TestBusyWallIsEncodedAtFullRate(t *testing.T) {
	m := start(t, small)
	a := m.AddSource(SourceConfig{Name: "a"})
	// The source is faster than the wall. With two clocks of the same rate, some ticks would have no new frame.
	film{write: a.WriteVideo, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 50, every: 20 * time.Millisecond}.run(t)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "the frame", func() bool { return v.shows(image.Rect(80, 40, 240, 100), red) })
	got := v.between(t, time.Second)
	if late := int(m.Stats().LateTicks); len(got)+late < 15 {
		t.Errorf("%d frames in a second and %d late, of 20", len(got), late)
	}
}

// TestOnlyChangedTilesAreRedrawn: a colour that the test fills a tile with stays until the source has a new frame.
func TestOnlyChangedTilesAreRedrawn(t *testing.T) {
	m := start(t, small)
	a, b := m.AddSource(SourceConfig{Name: "a"}), m.AddSource(SourceConfig{Name: "b"})
	v := stage(t, m, mixer.View{})
	awake(t, v, a)
	awake(t, v, b)
	showFrame(t, a, 160, 90, red)
	showFrame(t, b, 160, 90, red)
	v.draw(t)
	left, right := v.inside(0), v.inside(1)
	paint := func() {
		v.canvas.Fill(left, blue)
		v.canvas.Fill(right, blue)
	}
	shows := func(what string, onA, onB codec.Colour) {
		t.Helper()
		if l, r := v.canvas.Mean(left), v.canvas.Mean(right); !near(l, onA) || !near(r, onB) {
			t.Errorf("%s: the tiles show %v and %v, want %v and %v", what, l, r, onA, onB)
		}
	}
	shows("at first", red, red)
	paint()
	v.draw(t)
	shows("nothing is new", blue, blue)
	showFrame(t, a, 160, 90, green)
	v.draw(t)
	shows("a has a new frame", green, blue)
	paint()
	showFrame(t, b, 160, 90, green)
	v.draw(t)
	shows("b has a new frame", blue, green)
}

// draw brings the canvas up to date.
func (v *view) draw(t *testing.T) {
	t.Helper()
	if err := v.canvas.MakeWritable(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.compose(time.Now()); err != nil {
		t.Fatal(err)
	}
}

// inside is tile i but for its edges and its name.
func (v *view) inside(i int) image.Rectangle {
	r := v.tiles[i].rect
	return image.Rect(r.Min.X+r.Dx()/4, r.Min.Y+r.Dy()/8, r.Max.X-r.Dx()/4, r.Min.Y+r.Dy()/2)
}

// TestAStillIsScaledOnceForTwoViews: the second view shows the still of the first one, with the paint of the test.
func TestAStillIsScaledOnceForTwoViews(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	first, second := stage(t, m, mixer.View{}), stage(t, m, mixer.View{Capacity: 2})
	awake(t, first, src)
	awake(t, second, src)
	showFrame(t, src, 640, 360, red)
	first.draw(t)
	st := first.tiles[0].still
	if err := st.frame.MakeWritable(); err != nil {
		t.Fatal(err)
	}
	st.frame.Fill(st.frame.Bounds(), blue)
	second.draw(t)
	if c := second.canvas.Mean(second.inside(0)); !near(c, blue) || second.tiles[0].still != st {
		t.Errorf("the second view shows %v, want what was painted over the still of the first", c)
	}
	showFrame(t, src, 640, 360, green)
	first.draw(t)
	second.draw(t)
	for _, v := range []*view{first, second} {
		if c := v.canvas.Mean(v.inside(0)); !near(c, green) {
			t.Errorf("a view shows %v after a new frame", c)
		}
	}
}

// TestFramesComeAsTheyAreShown: the decoder makes the cutouts that tiles showed of the last frame, whole or cropped.
// It does not make enlarged ones.
func TestFramesComeAsTheyAreShown(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	for range 3 {
		m.AddSource(SourceConfig{})
	}
	views := []*view{
		stage(t, m, mixer.View{}), stage(t, m, mixer.View{Fill: true, Layout: mixer.KindSpotlight, Spotlight: "a", NoLabels: true}),
		stage(t, m, mixer.View{Layout: mixer.KindFocus, Spotlight: "a", Width: 1280, Height: 720}),
	}
	for _, v := range views {
		awake(t, v, src)
	}
	packets := clip(t, "testsrc2=size=640x480:rate=20", "-frames:v", "3", "-bf", "0")
	for i, p := range packets {
		before, _ := src.slot.status()
		src.WriteVideo(p)
		eventually(t, 5*time.Second, "the next frame", func() bool { seq, _ := src.slot.status(); return seq > before })
		for _, v := range views {
			v.draw(t)
		}
		for _, st := range src.stills.all {
			made, _ := src.slot.latestCutout(st.key)
			if want := i == 2 && st.key.h < 480; want != (made != nil) {
				t.Errorf("frame %d comes as %+v: %v, want %v", i, st.key, made != nil, want)
			}
			made.Close()
		}
	}
	if n := len(src.stills.all); n != 3 {
		t.Errorf("the source is shown in %d ways, want three", n)
	}
}

// TestAFrameInAGrownTileIsSharp: a tile that grows shows the frame in full resolution although no new one comes.
func TestAFrameInAGrownTileIsSharp(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	for i := range 3 {
		publish(t, m.AddSource(SourceConfig{Name: string(rune('b' + i))}), mixer.H264, 64, 64, green)
	}
	grid := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	packets := clip(t, "color=red:size=320x180:rate=5,drawbox=x=160:w=1:h=180:color=white:t=fill", "-frames:v", "2", "-bf", "0")
	src.WriteVideo(packets[0])
	eventually(t, 5*time.Second, "it is shown small", func() bool { n, _ := src.held(); return n == 1 })
	large := attend(t, m, mixer.Watching{View: &mixer.View{Layout: "focus", Spotlight: "a", NoLabels: true}, Codec: mixer.H264}, nil)
	line := image.Rect(160, 20, 162, 160) // a white column and a red one
	eventually(t, 2*time.Second, "the line is sharp", func() bool {
		white := large.mean(line.Intersect(image.Rect(160, 0, 161, 180))).Y
		return white > 180
	})
	grid.sub.Close()
	large.sub.Close()
}

func TestACalmSourceHasNoNewFrames(t *testing.T) {
	m := start(t, small)
	busy, calm := m.AddSource(SourceConfig{Name: "busy"}), m.AddSource(SourceConfig{Name: "calm"})
	publish(t, busy, mixer.H264, 320, 180, red)
	send(t, calm.WriteVideo, mixer.H264, 320, 180, green, false)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "both", func() bool {
		return v.shows(image.Rect(40, 60, 120, 90), red) && v.shows(image.Rect(200, 60, 280, 90), green)
	})
	v.between(t, 500*time.Millisecond)
	was, _ := busy.slot.status()
	still, _ := calm.slot.status()
	v.between(t, time.Second)
	now, _ := busy.slot.status()
	later, _ := calm.slot.status()
	if now-was < 10 || later-still > 1 {
		t.Errorf("%d new frames of the busy source and %d of the calm one", now-was, later-still)
	}
}

func TestSlotKeepsTheNumberOfTheSameFrame(t *testing.T) {
	before := codec.LiveFrames()
	frame := func(c codec.Colour) codec.Decoded {
		f, err := codec.NewFrame(64, 64)
		if err != nil {
			t.Fatal(err)
		}
		f.Fill(f.Bounds(), c)
		return codec.Decoded{Frame: f}
	}
	var s frameSlot
	if seq, at := s.status(); seq != 0 || !at.IsZero() {
		t.Errorf("an empty slot has number %d and time %v", seq, at)
	}
	s.replace(frame(red))
	first, at := s.status()
	for range 5 {
		s.replace(frame(red))
	}
	if seq, now := s.status(); seq != first || !now.After(at) {
		t.Errorf("the same frame has number %d after %d, time %v after %v", seq, first, now, at)
	}
	s.replace(frame(green))
	second, _ := s.status()
	if second == first {
		t.Error("another frame has the same number")
	}
	s.clear()
	if seq, _ := s.status(); seq != 0 || s.latest() != nil {
		t.Error("a cleared slot has a frame")
	}
	s.replace(frame(green))
	if third, _ := s.status(); third == first || third == second {
		t.Errorf("number %d was used before", third)
	}
	s.clear()
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d frames were not closed", n)
	}
}

func TestTextIsRenderedOnce(t *testing.T) {
	m, err := New(small, func(mixer.Event) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := m.painter
	if a, b := p.mask("정문", 20, 100), p.mask("정문", 20, 100); a != b {
		t.Error("the same words were rendered twice")
	}
	if p.mask("정문", 20, 100) == p.mask("정문", 22, 100) {
		t.Error("two sizes are one mask")
	}
	for i := range 3 * maxMasks {
		p.mask("x", 10, i+20)
	}
	if len(p.masks) > maxMasks {
		t.Errorf("%d masks are cached, want at most %d", len(p.masks), maxMasks)
	}
}

// TestRedrawnTextIsNotRenderedAgain: both lines of a placeholder, the clock and a name.
func TestRedrawnTextIsNotRenderedAgain(t *testing.T) {
	m, err := New(small, func(mixer.Event) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.NewFrame(320, 180)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, now := m.painter, time.Now()
	draw := func() (*nameplate, map[maskKey]*image.Alpha) {
		p.message(f, f.Bounds(), "정문", "camera off")
		p.clock(f, now)
		return p.nameplate("정문", 160, 90), maps.Clone(p.masks)
	}
	name, first := draw()
	same, again := draw()
	if len(first) != 4 || !maps.Equal(first, again) {
		t.Errorf("%d words are kept at first and %d then; want the same four", len(first), len(again))
	}
	if name.text != same.text {
		t.Error("a name was rendered twice")
	}
}
