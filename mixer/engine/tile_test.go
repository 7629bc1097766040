package engine

import (
	"fmt"
	"image"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// showFrame puts one frame into the slot of s, twice, so that the source does not count as a slow one.
func showFrame(t *testing.T, s *publisher, w, h int, c codec.Colour) {
	t.Helper()
	f, err := codec.NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), c)
	s.slot.replace(codec.Decoded{Frame: f})
	s.slot.touch()
}

func TestAgeText(t *testing.T) {
	for age, want := range map[time.Duration]string{
		2600 * time.Millisecond: "2 s ago", 12*time.Second + 900*time.Millisecond: "12 s ago", 59 * time.Second: "59 s ago",
		time.Minute: "1 min ago", 59*time.Minute + 59*time.Second: "59 min ago", time.Hour: "1 h ago", 50 * time.Hour: "50 h ago",
	} {
		if got := ageText(age); got != want {
			t.Errorf("%v is said %q, want %q", age, got, want)
		}
	}
}

// veiled is the colour of the last frame of a lost source that was c.
func veiled(c codec.Colour) codec.Colour {
	mix := func(a, b uint8) uint8 { return uint8((int(a)*(255-veilAlpha) + int(b)*veilAlpha) / 255) }
	return codec.Colour{Y: mix(c.Y, shade.Y), U: mix(c.U, shade.U), V: mix(c.V, shade.V)}
}

// known waits until the distance between the frames of s is known. Before that, s is lost only after firstPatience.
func (s *publisher) known(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Second, "some frames", func() bool { return s.slot.snapshot().patience == leastPatience })
}

// awake arranges v and waits until s is decoded. That clears the slot.
func awake(t *testing.T, v *view, s *publisher) {
	t.Helper()
	v.arrange(time.Now())
	eventually(t, 3*time.Second, "the source is decoded", func() bool { return s.Stats().Decoded && len(s.video.changed) == 0 })
}

// mute mutes the video of s and waits until it is not decoded.
func mute(t *testing.T, s *publisher) {
	t.Helper()
	s.SetMuted(false, true)
	eventually(t, 3*time.Second, "the muted source is not decoded", func() bool { return !s.Stats().Decoded })
}

// TestPlaceholdersSayWhy draws a source in each of its states, at given times.
func TestPlaceholdersSayWhy(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{ID: "A", Name: "a"})
	v := stage(t, m, mixer.View{})
	awake(t, v, src)
	tile := v.tiles[0]
	expect := func(after time.Duration, state mixer.State, text string, age int) {
		t.Helper()
		_, at := src.slot.status()
		if at.IsZero() {
			at = time.Now()
		}
		now := at.Add(after)
		tile.draw(v.canvas, now)
		look, info := tile.onCanvas, tile.info(now)
		if look.state != state || info.State != state || info.Age != age {
			t.Errorf("after %v: look %s, layout %s of age %d, want %s of %d", after, look.state, info.State, info.Age, state, age)
		}
		if got := look.caption.full(); got != text {
			t.Errorf("after %v: it says %q, want %q", after, got, text)
		}
		if shows := state == mixer.Live || state == mixer.Lost && after < leastPatience+keepLast; (look.frame != 0) != shows {
			t.Errorf("after %v: %s shows frame %d", after, state, look.frame)
		}
	}
	expect(0, mixer.Connecting, "connecting…", 0)
	src.SetAway(true)
	expect(0, mixer.Reconnecting, "reconnecting…", 0)
	src.SetAway(false)
	showFrame(t, src, 320, 180, red)
	expect(0, mixer.Live, "", 0)
	expect(2400*time.Millisecond, mixer.Live, "", 0)
	expect(2600*time.Millisecond, mixer.Lost, "no signal · 2 s ago", 2)
	expect(12500*time.Millisecond, mixer.Lost, "no signal · 12 s ago", 12)
	expect(90*time.Second, mixer.Lost, "no signal · 1 min ago", 90)
	mute(t, src)
	expect(0, mixer.Muted, "camera off", 0)
	expect(20*time.Second, mixer.Muted, "camera off", 20)
	src.SetAway(true)
	expect(12*time.Second, mixer.Reconnecting, "reconnecting… · 12 s ago", 12)
	src.SetAway(false)
	src.SetMuted(false, false)
	awake(t, v, src)
	expect(0, mixer.Connecting, "connecting…", 0) // nothing came since: the old frame must not look live
	showFrame(t, src, 320, 180, red)
	expect(0, mixer.Live, "", 0)
}

// TestTheAgeOfALostTileAdvances compares the drawn age with that of the layout, second by second.
func TestTheAgeOfALostTileAdvances(t *testing.T) {
	m := start(t, medium)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{})
	awake(t, v, src)
	showFrame(t, src, 320, 180, red)
	_, at := src.slot.status()
	if _, err := v.compose(at); err != nil {
		t.Fatal(err)
	}
	var last *codec.Frame
	defer func() { last.Close() }()
	for second := 3; second < 9; second++ {
		for part := range 4 {
			now := at.Add(time.Duration(second)*time.Second + time.Duration(part)*240*time.Millisecond)
			changed, err := v.compose(now)
			if err != nil {
				t.Fatal(err)
			}
			v.updateLayout(now)
			if changed != (part == 0) {
				t.Errorf("%v later: drawn is %v", now.Sub(at), changed)
			}
			if got := v.layout.Load().Tiles[0].Age; got != second {
				t.Errorf("%v later: the layout says %d s", now.Sub(at), got)
			}
			if got, want := v.tiles[0].onCanvas.caption.age, fmt.Sprintf("%d s ago", second); got != want {
				t.Errorf("%v later: the tile says %q, want %q", now.Sub(at), got, want)
			}
			if part == 0 && last != nil && last.Same(v.canvas) {
				t.Errorf("%v later: the same pixels", now.Sub(at))
			}
		}
		last.Close()
		last = v.canvas.Ref()
	}
}

func TestALostSourceSaysHowLong(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	stop := publish(t, src, mixer.H264, 320, 180, red)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "the frame", func() bool { return v.shows(image.Rect(80, 40, 240, 100), red) })
	src.known(t)
	stop()
	age := func(n int) func() bool {
		return func() bool {
			l := v.layout()
			return len(l.Tiles) == 1 && l.Tiles[0].State == mixer.Lost && l.Tiles[0].Age >= n
		}
	}
	eventually(t, 8*time.Second, "lost for 3 s", age(3))
	eventually(t, time.Second, "the last frame is darkened", func() bool { return v.shows(image.Rect(0, 0, 320, 40), veiled(red)) })
	src.SetAway(true)
	eventually(t, time.Second, "reconnecting", func() bool { return v.layout().Tiles[0].State == mixer.Reconnecting })
}

// TestABorderIsRemovedFromBars: a fitted frame does not cover the border that was drawn around its tile.
func TestABorderIsRemovedFromBars(t *testing.T) {
	m := start(t, small)
	all := people(m, 2)
	v := stage(t, m, mixer.View{NoLabels: true})
	awake(t, v, all[0])
	showFrame(t, all[0], 90, 160, green)
	for _, speaks := range []bool{false, true, false} {
		all[0].audio.speaking.Store(speaks)
		v.draw(t)
		r := v.tiles[0].rect
		left := v.canvas.Mean(image.Rect(r.Min.X, r.Min.Y+10, r.Min.X+2, r.Max.Y-10))
		if want := map[bool]codec.Colour{false: bars, true: speech}[speaks]; !near(left, want) {
			t.Errorf("speaks %v: the edge is %v, want %v", speaks, left, want)
		}
	}
}

// TestLayoutSaysSpeakingAsItIsDrawn: a calm tile may get its border later, and the layout says so only then.
func TestLayoutSaysSpeakingAsItIsDrawn(t *testing.T) {
	m := start(t, small)
	all := people(m, 2)
	v := stage(t, m, mixer.View{})
	v.arrange(time.Now())
	v.draw(t)
	for _, speaks := range []bool{true, false} {
		all[0].audio.speaking.Store(speaks)
		v.updateLayout(time.Now())
		if got := v.layout.Load().Tiles[0].Speaking; got == speaks {
			t.Errorf("the layout says %v before the frame does", got)
		}
		v.draw(t)
		v.updateLayout(time.Now())
		if got := v.layout.Load().Tiles[0].Speaking; got != speaks {
			t.Errorf("the layout says %v after the frame does %v", got, speaks)
		}
	}
}

// TestLayoutsAgreeWithTheFrames looks at every frame with the layout that came before it, while sources
// come, go and move.
func TestLayoutsAgreeWithTheFrames(t *testing.T) {
	colours := map[string]codec.Colour{"a": red, "b": green, "c": blue}
	wrong, checked := 0, 0
	m := start(t, small)
	all := map[string]*publisher{}
	for i, name := range []string{"a", "b", "c"} {
		all[name] = m.AddSource(SourceConfig{Name: name, Place: i})
		publish(t, all[name], mixer.H264, 320, 180, colours[name])
	}
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, func(l *mixer.Layout, f *codec.Frame) {
		for _, tile := range l.Tiles {
			live, is := tile.State == mixer.Live, near(f.Mean(inner(tile)), colours[tile.ID])
			checked++
			if live != is {
				wrong++
				t.Logf("%+v is %v", tile, f.Mean(inner(tile)))
			}
		}
	})
	states := func(want ...mixer.State) func() bool {
		at := v.count()
		return func() bool {
			l := v.layout()
			if v.count() < at+8 {
				return false
			}
			for i := range want {
				if len(l.Tiles) != len(want) || l.Tiles[i].State != want[i] {
					return false
				}
			}
			return true
		}
	}
	eventually(t, 3*time.Second, "three live", states(mixer.Live, mixer.Live, mixer.Live))
	all["b"].SetMuted(false, true)
	eventually(t, 2*time.Second, "one muted", states(mixer.Live, mixer.Muted, mixer.Live))
	all["a"].SetAway(true)
	eventually(t, 2*time.Second, "one away", states(mixer.Reconnecting, mixer.Muted, mixer.Live))
	all["a"].SetAway(false)
	all["b"].SetMuted(false, false)
	eventually(t, 2*time.Second, "all are back", states(mixer.Live, mixer.Live, mixer.Live))
	all["a"].Close()
	eventually(t, 2*time.Second, "one left", states(mixer.Live, mixer.Live))
	if err := v.sub.Change(mixer.Watching{View: &mixer.View{Layout: mixer.KindSpotlight, Spotlight: "c"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, "another layout", func() bool { l := v.layout(); return len(l.Tiles) == 2 && l.Tiles[0].ID == "c" })
	v.sub.Close()
	if checked < 60 || wrong > 0 {
		t.Errorf("%d of %d tiles were not what the layout said", wrong, checked)
	}
}
