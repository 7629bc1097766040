package engine

import (
	"image"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"azulejo/mixer"
)

// alone is a view that allows passthrough.
var alone = mixer.View{Layout: mixer.KindFocus, Spotlight: "a", NoLabels: true}

// passthrough describes a sink that decodes H.264 up to a profile. Profile zero allows no passthrough.
func passthrough(id mixer.Codec, profile uint8) mixer.Watching {
	v := alone
	return mixer.Watching{View: &v, Codec: id, Profile: profile}
}

// tape forwards packets of a film to a source, and remembers them. shift is added to their PTS.
type tape struct {
	src   *publisher
	shift atomic.Int64

	mu  sync.Mutex
	all map[string]bool
}

func (r *tape) write(p mixer.Packet) {
	p.PTS += time.Duration(r.shift.Load())
	r.mu.Lock()
	if r.all == nil {
		r.all = map[string]bool{}
	}
	r.all[string(p.Data)] = true
	r.mu.Unlock()
	r.src.WriteVideo(p)
}

func (r *tape) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// has reports whether the source has sent the bytes of p.
func (r *tape) has(p mixer.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[string(p.Data)]
}

func passedThrough(v *viewer) func() bool {
	return func() bool { return v.sub.Rendition().Passed }
}

func composed(v *viewer) func() bool {
	return func() bool { return !v.sub.Rendition().Passed }
}

var middle = image.Rect(80, 40, 240, 100)

func TestPassthrough(t *testing.T) {
	together(t, map[string]func(*testing.T){
		"one source alone":             passthroughOfOneSource,
		"views without passthrough":    noPassthrough,
		"it ends and starts again":     passthroughEndsAndReturns,
		"it ends with a lost packet":   passthroughEndsWithALostPacket,
		"the last frame is held":       passthroughHoldsTheLastFrame,
		"a later viewer":               passthroughToALaterViewer,
		"larger than the subscription": noPassthroughOfLargerVideo,
		"unusual profiles":             passthroughOfUnusualProfiles,
		"either codec":                 passthroughOfEitherCodec,
		"beside other viewers":         passthroughBesideOtherViewers,
	})
}

func passthroughOfOneSource(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.VP8} {
		t.Run(string(id), func(t *testing.T) {
			m := run(t, small)
			src := m.AddSource(SourceConfig{Name: "a"})
			in := &tape{src: src}
			film{write: in.write, id: id, w: 240, h: 136, colour: red, blinking: true, gop: 10}.run(t)
			v := attend(t, m, passthrough(id, 66), nil)
			eventually(t, 4*time.Second, "it is passed through", passedThrough(v))
			eventually(t, 2*time.Second, "nothing is decoded", func() bool { return !src.Stats().Decoded })
			at := v.count()
			eventually(t, 3*time.Second, "frames come", func() bool { return v.count() > at+12 })
			v.sub.Close()
			for i, p := range v.packets[at+1 : at+12] {
				if !in.has(p) {
					t.Fatalf("packet %d is not one of the source", i)
				}
				if len(v.payloads[at+1+i]) == 0 {
					t.Fatalf("packet %d is not cut", i)
				}
			}
			if v.size() != (mixer.Size{W: 240, H: 136}) {
				t.Errorf("frames of %v", v.size())
			}
			if l := v.layout(); len(l.Tiles) != 1 || l.Tiles[0].ID != "a" || l.Tiles[0].State != mixer.Live {
				t.Errorf("the layout is %+v", l)
			}
			eventually(t, 2*time.Second, "the source is not tapped any more", func() bool { return !src.feed.Tapped() })
		})
	}
}

func noPassthrough(t *testing.T) {
	m := run(t, medium)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	film{write: in.write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 10}.run(t)
	with := func(change func(*mixer.View)) mixer.Watching {
		w := passthrough(mixer.H264, 66)
		v := alone
		change(&v)
		w.View = &v
		return w
	}
	lower := passthrough(mixer.H264, 66)
	lower.Rung = "180p"
	watched := map[string]*viewer{
		"another format": attend(t, m, passthrough(mixer.VP8, 66), nil),
		"no profile":     attend(t, m, passthrough(mixer.H264, 0), nil),
		"a grid":         attend(t, m, with(func(v *mixer.View) { v.Layout = mixer.KindGrid }), nil),
		"the speaker":    attend(t, m, with(func(v *mixer.View) { v.Spotlight = "" }), nil),
		"a lower rung":   attend(t, m, lower, nil),
	}
	for name, v := range watched {
		eventually(t, 4*time.Second, name+": the frame", func() bool {
			s := v.size()
			return s.W > 0 && v.shows(image.Rect(s.W/4, s.H/4, s.W*3/4, s.H/2), red)
		})
		at := v.count()
		eventually(t, 4*time.Second, name+": frames", func() bool { return v.count() > at+8 })
		v.sub.Close()
		for _, p := range v.packets {
			if in.has(p) {
				t.Fatalf("%s: a packet was passed through", name)
			}
		}
	}
}

func TestNamesAndClocksPreventPassthrough(t *testing.T) {
	cfg := small
	named := alone
	named.NoLabels = false
	cfg.Clock = true
	for name, c := range map[string]struct {
		cfg  mixer.Config
		view mixer.View
		want bool
	}{
		"nothing drawn": {small, alone, true},
		"a name":        {small, named, false},
		"the clock":     {cfg, alone, false},
	} {
		m := run(t, c.cfg)
		key, err := m.keyOf(normalize(c.view, m.cfg), mixer.Watching{Codec: mixer.H264, Profile: 77})
		if err != nil || (key.profile != 0) != c.want {
			t.Errorf("%s: profile %d, error %v", name, key.profile, err)
		}
	}
}

// passthroughEndsAndReturns: passthrough ends for all possible reasons, and starts again. The stream stays decodable by
// one decoder, and its times rise: attend demands it.
func passthroughEndsAndReturns(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	stop := film{write: in.write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 10}.run(t)
	v := attend(t, m, passthrough(mixer.H264, 66), nil)
	again := func(why string) {
		t.Helper()
		eventually(t, 5*time.Second, why+": it is passed through again", passedThrough(v))
		at := v.count()
		eventually(t, 3*time.Second, why+": frames come", func() bool { return v.count() > at+3 && v.shows(middle, red) })
	}
	again("at first")

	src.SetMuted(false, true)
	eventually(t, 2*time.Second, "muted: composed", composed(v))
	eventually(t, 2*time.Second, "muted: a placeholder", func() bool { return v.shows(image.Rect(0, 0, 320, 40), slate) })
	src.SetMuted(false, false)
	again("muted")

	src.SetAway(true)
	eventually(t, 2*time.Second, "away: composed", func() bool { return composed(v)() && v.shows(image.Rect(0, 0, 320, 40), slate) })
	src.SetAway(false)
	again("away")

	in.shift.Store(int64(-time.Hour)) // the sender starts again
	at := v.count()
	eventually(t, 3*time.Second, "another clock: frames come", func() bool { return v.count() > at+25 })
	again("another clock")
	in.shift.Store(int64(time.Hour))
	again("a clock that jumps ahead")

	stop()
	eventually(t, 5*time.Second, "lost: composed", func() bool { return composed(v)() && v.layout().Tiles[0].State == mixer.Lost })
	eventually(t, 2*time.Second, "lost: the last frame is darkened", func() bool { return v.shows(image.Rect(0, 0, 320, 40), veiled(red)) })
	in.shift.Store(0)
	stop = film{write: in.write, id: mixer.H264, w: 160, h: 90, colour: red, blinking: true, gop: 10}.run(t)
	eventually(t, 3*time.Second, "back in another size", func() bool { return passedThrough(v)() && v.size() == mixer.Size{W: 160, H: 90} })

	stop()
	stop = film{write: in.write, id: mixer.VP8, w: 320, h: 180, colour: green, blinking: true, gop: 10}.run(t)
	eventually(t, 4*time.Second, "another format: composed", func() bool { return composed(v)() && v.shows(middle, green) })
	stop()
	film{write: in.write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 10}.run(t)
	again("another format")

	src.Close()
	eventually(t, 2*time.Second, "gone: composed", func() bool { return composed(v)() && len(v.layout().Tiles) == 0 })
	next := m.AddSource(SourceConfig{Name: "a"})
	publish(t, next, mixer.H264, 320, 180, blue)
	eventually(t, 4*time.Second, "another of that name", func() bool { return passedThrough(v)() && v.shows(middle, blue) })
}

// passthroughOfEitherCodec: viewers that decode both codecs get either by passthrough, and composed video as H.264.
func passthroughOfEitherCodec(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	w := passthrough(mixer.H264, 66)
	w.Also = mixer.VP8
	v := attend(t, m, w, nil)
	is := func(id mixer.Codec, by func(*viewer) func() bool) func() bool {
		return func() bool { return by(v)() && v.sub.Rendition().Codec == id && v.codec() == id }
	}
	for _, id := range []mixer.Codec{mixer.VP8, mixer.H264, mixer.VP8} {
		stop := film{write: in.write, id: id, w: 240, h: 136, colour: red, blinking: true, gop: 10}.run(t)
		eventually(t, 5*time.Second, "passed through as "+string(id), is(id, passedThrough))
		at := v.count()
		eventually(t, 3*time.Second, "frames go on", func() bool { return v.count() > at+5 && v.size() == mixer.Size{W: 240, H: 136} })
		src.SetMuted(false, true)
		eventually(t, 2*time.Second, "muted: composed", is(mixer.H264, composed))
		src.SetMuted(false, false)
		eventually(t, 5*time.Second, "passed through again as "+string(id), is(id, passedThrough))
		stop()
	}
}

// codec is the codec of the newest packet.
func (v *viewer) codec() mixer.Codec {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.id
}

// passthroughEndsWithALostPacket: passthrough ends at a loss and starts again at a keyframe. No frame that
// viewers get has a lost reference.
func passthroughEndsWithALostPacket(t *testing.T) {
	m := run(t, small)
	requested := make(chan struct{}, 10)
	var requests atomic.Int32
	src := m.AddSource(SourceConfig{Name: "a", KeyframeWanted: func() {
		requests.Add(1)
		select {
		case requested <- struct{}{}:
		default:
		}
	}})
	var n atomic.Int32
	lossy := func(p mixer.Packet) {
		p.Lost = n.Add(1)%30 == 0 && !p.Key
		src.WriteVideo(p)
	}
	began := time.Now()
	film{write: lossy, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 1 << 20, requested: requested}.run(t)
	v := attend(t, m, passthrough(mixer.H264, 66), nil)
	var ends int
	was := false
	eventually(t, 15*time.Second, "it ends and returns three times", func() bool {
		is := v.sub.Rendition().Passed
		if was && !is {
			ends++
		}
		was = is
		return ends >= 2 && is
	})
	if most := int32(time.Since(began)/refreshEvery) + 2; requests.Load() > most {
		t.Errorf("%d requests for keyframes in %v, want one a second", requests.Load(), time.Since(began))
	}
}

// passthroughOfUnusualProfiles sends High profile, in the last case with frames out of order.
func passthroughOfUnusualProfiles(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile uint8
		options []string
		passed  bool
	}{
		{"high, not known", 77, []string{"-profile:v", "high", "-bf", "0"}, false},
		{"high, known", 100, []string{"-profile:v", "high", "-bf", "0"}, true},
		{"out of order", 100, []string{"-profile:v", "high", "-bf", "2", "-x264-params", "b-adapt=0"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := run(t, small)
			src := m.AddSource(SourceConfig{Name: "a"})
			frames := clip(t, "testsrc2=size=320x180:rate=20:duration=6", append(c.options, "-g", "10", "-preset", "veryfast")...)
			in := &tape{src: src}
			loop(t, frames, in.write)
			v := attend(t, m, passthrough(mixer.H264, c.profile), nil)
			eventually(t, 4*time.Second, "frames", func() bool { return v.count() > 14 })
			if c.passed {
				eventually(t, 3*time.Second, "it is passed through", passedThrough(v))
			} else {
				eventually(t, 3*time.Second, "it is composed", composed(v))
				at := v.count()
				eventually(t, 3*time.Second, "frames", func() bool { return v.count() > at+8 })
				v.mu.Lock()
				for _, p := range v.packets[at:] {
					if in.has(p) {
						t.Error("a packet was passed through")
					}
				}
				v.mu.Unlock()
			}
			v.sub.Close()
			if !c.passed && c.name == "out of order" {
				v.bad = nil // packets before the first one that is out of order were passed through
			}
		})
	}
}

// number is how many frames the slot has had.
func (s *frameSlot) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// loop plays packets once, 20 a second.
func loop(t *testing.T, packets []mixer.Packet, write func(mixer.Packet)) {
	t.Helper()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for _, p := range packets {
			write(p)
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
}

// passthroughBesideOtherViewers: the same source is decoded for a grid, while other sources come and go.
func passthroughBesideOtherViewers(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	film{write: in.write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 10}.run(t)
	v := attend(t, m, passthrough(mixer.H264, 66), nil)
	eventually(t, 4*time.Second, "it is passed through", passedThrough(v))
	eventually(t, 2*time.Second, "it sleeps", func() bool { return !src.Stats().Decoded })
	from, number := v.count(), src.slot.number()
	for range 3 {
		b := m.AddSource(SourceConfig{Name: "b"})
		at := v.count()
		eventually(t, 2*time.Second, "a source was added", func() bool { return v.count() > at+3 })
		b.Close()
	}
	if n := src.slot.number() - number; n > 0 {
		t.Errorf("%d frames were decoded because a source was added", n)
	}
	grid := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "the grid", func() bool { return grid.shows(middle, red) })
	twin := attend(t, m, passthrough(mixer.H264, 66), nil)
	eventually(t, 3*time.Second, "one more", func() bool { return twin.count() > 10 })
	grid.sub.Close()
	eventually(t, 2*time.Second, "it sleeps again", func() bool { return !src.Stats().Decoded })
	v.sub.Close()
	for i, p := range v.packets[from+1:] {
		if !in.has(p) {
			t.Fatalf("packet %d is composed", from+1+i)
		}
	}
	if !in.has(twin.packets[len(twin.packets)-1]) {
		t.Error("the second viewer got something else")
	}
	if n := len(m.Stats().Renditions); n != 1 {
		t.Errorf("%d renditions", n)
	}
}
