package engine

import (
	"image"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// TestFrozen: frames that do not change make a source frozen, whether they are decoded or not. A clock ends it.
func TestFrozen(t *testing.T) {
	clock := func(n int) int { return 16 * (1 + n%15) }
	sceneThenStill := func(n int) int { return 16 * min(n+1, 5) }
	vp8 := func(every int) []mixer.Packet { return footage(t, mixer.VP8, 100, every) }
	for name, c := range map[string]struct {
		packets []mixer.Packet // five a second
		way     string
		frozen  bool
	}{
		"skipped":               {shoot(t, 100, 1000, nowhere), composing, true},
		"skipped after a scene": {shoot(t, 100, 1000, sceneThenStill), composing, true},
		"skipped, a short GOP":  {shoot(t, 100, 10, nowhere), composing, true},
		"skipped, asleep":       {shoot(t, 100, 1000, nowhere), sleeping, true},
		"skipped, passed":       {shoot(t, 100, 1000, nowhere), passing, true},
		"the last again":        {repeated(shoot(t, 10, 1000, clock), 90), composing, true},
		"the last, asleep":      {repeated(shoot(t, 10, 1000, clock), 90), sleeping, true},
		"a keyframe again":      {repeated(shoot(t, 11, 10, clock), 90), composing, true},
		"a keyframe, asleep":    {repeated(shoot(t, 11, 10, clock), 90), sleeping, true},
		"still VP8":             {vp8(0), composing, true},
		"moving VP8":            {vp8(1), composing, false},
		"moving VP8, asleep":    {vp8(1), sleeping, false},
		"a clock in VP8":        {vp8(5), composing, false},
		"a clock in VP8 asleep": {vp8(5), sleeping, false},
		"each frame five times": {fiveTimes(shoot(t, 20, 1, clock)), composing, false},
		"five times, asleep":    {fiveTimes(shoot(t, 20, 1, clock)), sleeping, false},
		"a clock":               {shoot(t, 100, 1000, func(n int) int { return clock(n / 5) }), composing, false},
		"a clock, asleep":       {shoot(t, 100, 1000, func(n int) int { return clock(n / 5) }), sleeping, false},
		"a clock, a short GOP":  {shoot(t, 100, 10, func(n int) int { return clock(n / 5) }), composing, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := start(t, configFor(c.way))
				var told conditions
				src := m.AddSource(SourceConfig{Name: "a", FrozenAfter: 10 * time.Second, ConditionChanged: told.add})
				watchAs(t, m, c.way)
				for _, p := range c.packets {
					src.WriteVideo(p)
					time.Sleep(200 * time.Millisecond)
				}
				want := "connecting live"
				if c.frozen {
					want += " frozen"
				}
				if got := told.list(); got != want {
					t.Errorf("told %s, want %s", got, want)
				}
				if st := src.Stats(); c.frozen && (st.State != mixer.Frozen || st.Age > time.Second || time.Since(st.Since) < 5*time.Second) {
					t.Errorf("%+v", st)
				}
				if c.way == sleeping {
					watchAs(t, m, composing) // only decoded frames end frozen
				}
				for _, p := range shoot(t, 20, 10, clock) {
					src.WriteVideo(p)
					time.Sleep(200 * time.Millisecond)
				}
				if st := src.Stats().State; st != mixer.Live {
					t.Errorf("with a clock again it is %s", st)
				}
			})
		})
	}
}

// TestFrozenDoesNotFlap: a page is shown and hidden. A source that is frozen stays so, and a source that moves does not get frozen.
// Frozen ends when the picture moves and somebody watches it, composed or passed through.
func TestFrozenDoesNotFlap(t *testing.T) {
	clock := func(n int) int { return 16 * (1 + n%15) }
	const seconds, perSecond = 15, 5 // of one showing or hiding
	for name, c := range map[string]struct {
		packets []mixer.Packet
		frozen  bool
	}{
		"still VP8":         {footage(t, mixer.VP8, 6*seconds*perSecond, 0), true},
		"still, short GOP":  {shoot(t, 6*seconds*perSecond, 5, nowhere), true},
		"still, long GOP":   {shoot(t, 6*seconds*perSecond, 1000, nowhere), true},
		"moving VP8":        {footage(t, mixer.VP8, 6*seconds*perSecond, 3), false},
		"moving, short GOP": {shoot(t, 6*seconds*perSecond, 5, clock), false},
	} {
		for _, hiding := range []string{sleeping, passing} {
			t.Run(name+" "+hiding, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := start(t, configFor(hiding))
					var told conditions
					src := m.AddSource(SourceConfig{Name: "a", FrozenAfter: 10 * time.Second, ConditionChanged: told.add})
					play := func(packets []mixer.Packet) {
						for _, p := range packets {
							src.WriteVideo(p)
							time.Sleep(time.Second / perSecond)
						}
					}
					ways := []string{composing, hiding, composing, hiding, composing, hiding}
					for i, packets := range slices.Collect(slices.Chunk(c.packets, seconds*perSecond)) {
						stop := watchAs(t, m, ways[i])
						play(packets)
						stop()
					}
					want := "connecting live"
					if c.frozen {
						want += " frozen"
					}
					if got := told.list(); got != want {
						t.Errorf("told %s, want %s", got, want)
					}
					play(shoot(t, 20, 10, clock))
					if got := told.list(); got != want {
						t.Errorf("when nobody sees it move: told %s, want %s", got, want)
					}
					if hiding == sleeping {
						hiding = composing
					}
					watchAs(t, m, hiding)
					play(shoot(t, 20, 10, clock))
					if st := src.Stats().State; st != mixer.Live {
						t.Errorf("when somebody sees it move it is %s", st)
					}
				})
			})
		}
	}
}

// TestFrozenEndsWhilePassedThrough: a source is decoded while it is frozen, and only then, so a change ends frozen.
func TestFrozenEndsWhilePassedThrough(t *testing.T) {
	packets := shoot(t, 210, 60, func(n int) int { // passed through from the second keyframe on
		if n >= 64 && n < 150 {
			return 0
		}
		return 16 * (1 + n%15)
	})
	synctest.Test(t, func(t *testing.T) {
		m := start(t, configFor(passing))
		var told conditions
		src := m.AddSource(SourceConfig{Name: "a", FrozenAfter: 10 * time.Second, ConditionChanged: told.add})
		watchAs(t, m, passing)
		decoded := map[int]bool{62: false, 118: true, 145: true, 205: false} // by the number of the packet
		for n, p := range packets {
			src.WriteVideo(p)
			time.Sleep(200 * time.Millisecond)
			if want, known := decoded[n]; known && src.Stats().Decoded != want {
				t.Errorf("after packet %d it is decoded: %v, want %v", n, !want, want)
			}
		}
		if got, want := told.list(), "connecting live frozen live"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}

// TestUnchanged: noise of up to 3 of 255 is no change, but slow changes add up.
func TestUnchanged(t *testing.T) {
	noFrames(t)
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			luma []uint8         // of one frame each second
			want []time.Duration // for how long the frames have been the same, after each of them
		}{
			"still":  {[]uint8{50, 50, 50}, []time.Duration{0, 1, 2}},
			"noise":  {[]uint8{50, 53, 50, 47}, []time.Duration{0, 1, 2, 3}},
			"louder": {[]uint8{50, 54, 50, 50}, []time.Duration{0, 0, 0, 1}},
			"sunset": {[]uint8{50, 48, 46, 44, 42}, []time.Duration{0, 1, 0, 1, 0}},
		} {
			var s frameSlot
			for i, y := range c.luma {
				f, err := codec.NewFrame(64, 64)
				if err != nil {
					t.Fatal(err)
				}
				f.Fill(f.Bounds(), codec.Colour{Y: y, U: 128, V: 128})
				s.replace(codec.Decoded{Frame: f})
				if got, want := s.snapshot().unchanged, c.want[i]*time.Second; got != want {
					t.Errorf("%s: the same for %v after frame %d, want %v", name, got, i, want)
				}
				time.Sleep(time.Second)
			}
			s.expectOther() // of another layer
			f, err := codec.NewFrame(128, 64)
			if err != nil {
				t.Fatal(err)
			}
			f.Fill(f.Bounds(), red)
			before := s.snapshot().unchanged
			s.replace(codec.Decoded{Frame: f})
			if got := s.snapshot().unchanged; got != before+time.Second {
				t.Errorf("%s: the same for %v after a change of the layer, want %v", name, got, before+time.Second)
			}
			time.Sleep(20 * time.Second)
			s.touch()
			if got := s.snapshot().unchanged; got != 0 {
				t.Errorf("%s: the same for %v after an interruption", name, got)
			}
			s.clear()
		}
	})
}

// footage encodes n frames, in which a spot moves every so many frames; 0: never.
func footage(t *testing.T, id mixer.Codec, n, every int) []mixer.Packet {
	t.Helper()
	cfg := codec.VideoConfig{Codec: id, Width: 320, Height: 180, FPS: 20, Bitrate: 900_000}
	return codectest.Encode(t, cfg, n, n, func(f *codec.Frame, i int) {
		f.Fill(f.Bounds(), red)
		if every > 0 {
			x := 2 * (i / every)
			f.Fill(image.Rect(x, 80, x+32, 112), green)
		}
	})
}

// TestAFrozenTileSaysSo: the frame stays as it is, with a plate, and the layout has the age of the frame.
func TestAFrozenTileSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t, small)
		src := m.AddSource(SourceConfig{Name: "a", FrozenAfter: 10 * time.Second})
		v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
		middle := image.Rect(120, 80, 200, 100)
		for n, p := range shoot(t, 100, 1000, nowhere) {
			src.WriteVideo(p)
			time.Sleep(200 * time.Millisecond)
			if n == 40 && v.bright(middle) > 0 {
				t.Error("there is text on a live frame")
			}
		}
		l := v.layout().Tiles[0]
		if l.State != mixer.Frozen || l.Reason != mixer.ReasonFrozen || l.Age < 18 || l.Age > 20 {
			t.Errorf("the layout says %+v", l)
		}
		if v.bright(middle) == 0 {
			t.Error("there is no plate on the frame")
		}
		v.sub.Close()
	})
}
