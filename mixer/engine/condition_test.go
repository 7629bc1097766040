package engine

import (
	"errors"
	"image"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestJudge: one function decides the state and the reason, by all that is known.
func TestJudge(t *testing.T) {
	gate := noKeyframe()
	large := mixer.Trouble{Reason: mixer.ReasonTooLarge, Detail: "4000×3000 is more than limits.source_pixels (8294400)"}
	bad := mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: "decode h264: invalid data"}
	refused := mixer.Trouble{Reason: mixer.ReasonRefused, Detail: "the host refuses connections"}
	const s = time.Second
	// fill returns the evidence of a source that is seen and has sent nothing for a long time, changed by change.
	fill := func(change func(*evidence)) evidence {
		e := evidence{age: never, audio: never, patience: leastPatience, composed: true, existing: time.Minute}
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		change func(*evidence)
		state  mixer.State
		reason mixer.Reason
	}{
		"nothing came":                     {func(*evidence) {}, mixer.Connecting, mixer.ReasonConnecting},
		"nothing came, reported":           {func(e *evidence) { e.reported = refused }, mixer.Connecting, mixer.ReasonRefused},
		"nothing came, muted":              {func(e *evidence) { e.muted = true }, mixer.Muted, mixer.ReasonMuted},
		"muted, reported":                  {func(e *evidence) { e.muted, e.reported = true, refused }, mixer.Muted, mixer.ReasonMuted},
		"away":                             {func(e *evidence) { e.away = true }, mixer.Reconnecting, mixer.ReasonReconnecting},
		"away and muted":                   {func(e *evidence) { e.away, e.muted = true, true }, mixer.Reconnecting, mixer.ReasonReconnecting},
		"away, reported":                   {func(e *evidence) { e.away, e.reported = true, refused }, mixer.Reconnecting, mixer.ReasonRefused},
		"audio alone":                      {func(e *evidence) { e.audio = s }, mixer.Connecting, mixer.ReasonNoData},
		"audio alone, new":                 {func(e *evidence) { e.audio, e.existing = s, s }, mixer.Connecting, mixer.ReasonConnecting},
		"audio alone, reported":            {func(e *evidence) { e.audio, e.reported = s, refused }, mixer.Connecting, mixer.ReasonRefused},
		"no keyframe yet":                  {func(e *evidence) { e.obstacle, e.blocked = gate, s }, mixer.Connecting, mixer.ReasonConnecting},
		"no keyframe yet, reported":        {func(e *evidence) { e.obstacle, e.blocked, e.reported = gate, s, refused }, mixer.Connecting, mixer.ReasonRefused},
		"no keyframe for long":             {func(e *evidence) { e.obstacle, e.blocked = gate, 3*s }, mixer.Connecting, mixer.ReasonNoKeyframe},
		"no keyframe for long, reported":   {func(e *evidence) { e.obstacle, e.blocked, e.reported = gate, 3*s, refused }, mixer.Connecting, mixer.ReasonNoKeyframe},
		"damaged once":                     {func(e *evidence) { e.obstacle, e.blocked = bad, s }, mixer.Connecting, mixer.ReasonConnecting},
		"damaged for long":                 {func(e *evidence) { e.obstacle, e.blocked = bad, 4*s }, mixer.Connecting, mixer.ReasonDamaged},
		"too large":                        {func(e *evidence) { e.obstacle = large }, mixer.Connecting, mixer.ReasonTooLarge},
		"too large, reported":              {func(e *evidence) { e.obstacle, e.reported = large, refused }, mixer.Connecting, mixer.ReasonTooLarge},
		"live":                             {func(e *evidence) { e.age, e.frame = s, true }, mixer.Live, ""},
		"live, reported":                   {func(e *evidence) { e.age, e.frame, e.reported = s, true, refused }, mixer.Live, ""},
		"live, a keyframe is missing":      {func(e *evidence) { e.age, e.frame, e.obstacle, e.blocked = s, true, gate, s }, mixer.Live, ""},
		"asleep":                           {func(e *evidence) { e.age, e.composed = s, false }, mixer.Live, ""},
		"awake, no frame yet":              {func(e *evidence) { e.age = s }, mixer.Connecting, mixer.ReasonConnecting},
		"awake, no frame, a keyframe late": {func(e *evidence) { e.age, e.obstacle, e.blocked = s, gate, 3*s }, mixer.Connecting, mixer.ReasonNoKeyframe},
		"just not lost":                    {func(e *evidence) { e.age, e.frame = leastPatience, true }, mixer.Live, ""},
		"lost":                             {func(e *evidence) { e.age, e.frame = 3*s, true }, mixer.Lost, mixer.ReasonNoData},
		"lost asleep":                      {func(e *evidence) { e.age, e.composed = 3*s, false }, mixer.Lost, mixer.ReasonNoData},
		"lost, audio goes on":              {func(e *evidence) { e.age, e.frame, e.audio = 3*s, true, s }, mixer.Lost, mixer.ReasonStalled},
		"lost, audio too":                  {func(e *evidence) { e.age, e.frame, e.audio = 9*s, true, 8*s }, mixer.Lost, mixer.ReasonNoData},
		"lost, reported":                   {func(e *evidence) { e.age, e.frame, e.reported = 3*s, true, refused }, mixer.Lost, mixer.ReasonRefused},
		"lost, a keyframe is missing":      {func(e *evidence) { e.age, e.frame, e.obstacle, e.blocked = 3*s, true, gate, s }, mixer.Lost, mixer.ReasonNoKeyframe},
		"lost, damaged":                    {func(e *evidence) { e.age, e.frame, e.obstacle, e.blocked = 3*s, true, bad, s }, mixer.Lost, mixer.ReasonDamaged},
		"slow":                             {func(e *evidence) { e.age, e.frame, e.patience = 9*s, true, 12*s }, mixer.Live, ""},
		"slow and lost":                    {func(e *evidence) { e.age, e.frame, e.patience = 13*s, true, 12*s }, mixer.Lost, mixer.ReasonNoData},
		"slow, reported":                   {func(e *evidence) { e.age, e.frame, e.patience, e.reported = 3*s, true, 12*s, refused }, mixer.Lost, mixer.ReasonRefused},
		"frozen":                           {func(e *evidence) { e.age, e.frame, e.unchanged, e.frozenAfter = s, true, 10*s, 10*s }, mixer.Frozen, mixer.ReasonFrozen},
		"frozen asleep":                    {func(e *evidence) { e.age, e.composed, e.unchanged, e.frozenAfter = s, false, 10*s, 10*s }, mixer.Frozen, mixer.ReasonFrozen},
		"frozen, reported": {func(e *evidence) {
			e.age, e.frame, e.unchanged, e.frozenAfter, e.reported = s, true, 10*s, 10*s, refused
		}, mixer.Frozen, mixer.ReasonFrozen},
		"not frozen yet":  {func(e *evidence) { e.age, e.frame, e.unchanged, e.frozenAfter = s, true, 9*s, 10*s }, mixer.Live, ""},
		"never frozen":    {func(e *evidence) { e.age, e.frame, e.unchanged = s, true, time.Hour }, mixer.Live, ""},
		"frozen and lost": {func(e *evidence) { e.age, e.frame, e.unchanged, e.frozenAfter = 3*s, true, 10*s, 10*s }, mixer.Lost, mixer.ReasonNoData},
	} {
		state, trouble := fill(c.change).judge()
		if state != c.state || trouble.Reason != c.reason || (trouble.Detail == "") != (c.reason == "") {
			t.Errorf("%s: %s because of %+v, want %s because of %q", name, state, trouble, c.state, c.reason)
		}
	}
}

// TestObstacle: a keyframe that could not be decoded is not hidden by the packets after it.
func TestObstacle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o obstacle
		bad := mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: "an error"}
		expect := func(want mixer.Reason, blocked time.Duration) {
			t.Helper()
			got, age := o.read(time.Now(), obstaclePatience)
			if got.Reason != want || age != blocked {
				t.Errorf("%q for %v, want %q for %v", got.Reason, age, want, blocked)
			}
		}
		expect("", 0)
		o.meet(bad, false)
		time.Sleep(time.Second)
		o.meet(noKeyframe(), false)
		expect(mixer.ReasonNoKeyframe, time.Second)
		o.meet(bad, true)
		o.meet(mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: "another error"}, true)
		if got, _ := o.read(time.Now(), obstaclePatience); got != bad {
			t.Errorf("the detail has become %q", got.Detail)
		}
		time.Sleep(time.Second)
		o.meet(noKeyframe(), false)
		expect(mixer.ReasonDamaged, 2*time.Second)
		time.Sleep(4 * time.Second)
		expect("", 0) // no packets come
		o.pass()
		o.meet(noKeyframe(), false)
		expect(mixer.ReasonNoKeyframe, 0)
	})
}

func TestPatience(t *testing.T) {
	const s = time.Second
	many := func(n int, gap time.Duration) []time.Duration { return slices.Repeat([]time.Duration{gap}, n) }
	for name, c := range map[string]struct {
		gaps []time.Duration
		want time.Duration
	}{
		"one frame":                   {nil, firstPatience},
		"two frames":                  {many(1, 4*s), 12 * s},
		"15 a second":                 {many(30, s/15), leastPatience},
		"one a second":                {many(30, s), 3 * s},
		"one in 4 s":                  {many(30, 4*s), 12 * s},
		"one in 25 s":                 {many(30, 25*s), mostPatience},
		"one in 60 s":                 {many(30, 60*s), mostPatience},
		"one in an hour":              {many(30, time.Hour), mostPatience},
		"two frames, one in an hour":  {many(1, time.Hour), mostPatience},
		"a frame, then slow":          {[]time.Duration{s / 15, 30 * s}, mostPatience},
		"an interruption":             {append(many(30, s/15), 40*s), leastPatience},
		"two interruptions":           {append(append(many(30, s/15), 40*s), append(many(8, s/15), 40*s)...), leastPatience},
		"fast, then slow":             {append(many(30, s/15), many(2, 4*s)...), 12 * s},
		"slow, then fast":             {append(many(30, 4*s), many(7, s/15)...), leastPatience},
		"between one in 1 s and 10 s": {[]time.Duration{s, 10 * s, 2 * s, 9 * s, s, s}, 27 * s},
	} {
		var r rhythm
		for _, gap := range c.gaps {
			r.add(gap)
		}
		if got := r.patience(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestPatienceCoversTheMedian tries random gaps of up to a minute between frames. A source is not lost before three times the
// median of its last nine gaps have passed, or a minute.
func TestPatienceCoversTheMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gaps := rapid.SliceOfN(rapid.Int64Range(0, int64(5*time.Minute)), 1, 30).Draw(t, "gaps")
		var r rhythm
		for i, gap := range gaps {
			r.add(time.Duration(gap))
			last := slices.Clone(gaps[max(0, i-8) : i+1])
			slices.Sort(last)
			median := time.Duration(last[len(last)/2])
			if got := r.patience(); got < min(3*median, mostPatience) || got > mostPatience {
				t.Fatalf("after %d gaps the patience is %v; the median is %v", i+1, got, median)
			}
		}
	})
}

// conditions keeps the conditions that a source announces.
type conditions struct {
	mu  sync.Mutex
	all []mixer.Condition
}

func (c *conditions) add(one mixer.Condition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
}

// list returns the conditions as texts: the state, and the reason if it differs.
func (c *conditions) list() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, one := range c.all {
		text := string(one.State)
		if one.Reason != "" && string(one.Reason) != text {
			text += "(" + string(one.Reason) + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// tiny is cheap to compose for minutes.
var tiny = mixer.Config{Width: 64, Height: 64, FPS: 5, Preset: "ultrafast"}

// configFor returns a configuration that is cheap to compose for minutes. Sources of 320x180 can be passed through if way is passing.
func configFor(way string) mixer.Config {
	cfg := tiny
	if way == passing {
		cfg.Width, cfg.Height = 320, 180
	}
	return cfg
}

// How a source is watched.
const (
	composing = "composed"
	passing   = "passed through"
	sleeping  = "asleep"
)

// watchAs watches the source a in the given way, until stop is called.
func watchAs(t *testing.T, m *rig, way string) (stop func()) {
	t.Helper()
	w := mixer.Watching{Codec: mixer.H264}
	if way == passing {
		w.View, w.Profile = &mixer.View{Layout: mixer.KindFocus, Spotlight: "a", NoLabels: true}, 100
	}
	if way == sleeping {
		return func() {}
	}
	sub, err := m.Watch(w, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return sub.Close
}

// TestASlowCameraIsNotLost: what counts as lost follows the distance between the frames, however the source is watched.
func TestASlowCameraIsNotLost(t *testing.T) {
	packets := shoot(t, 12, 4, func(n int) int { return 16 * (n + 1) })
	for _, way := range []string{composing, passing, sleeping} {
		for _, every := range []time.Duration{time.Second, 4 * time.Second, 9 * time.Second} {
			t.Run(way+" "+every.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := start(t, configFor(way))
					var told conditions
					src := m.AddSource(SourceConfig{Name: "a", ConditionChanged: told.add})
					watchAs(t, m, way)
					for _, p := range packets {
						src.WriteVideo(p)
						time.Sleep(every)
						if now := time.Now(); !src.sends(now) {
							t.Errorf("it does not send %v after its last frame", every)
						}
					}
					patience := max(3*every, leastPatience)
					time.Sleep(patience - every - time.Second/4)
					if got, want := told.list(), "connecting live"; got != want {
						t.Errorf("while it sends: %s, want %s", got, want)
					}
					time.Sleep(time.Second)
					if got, want := told.list(), "connecting live lost(no-data)"; got != want {
						t.Errorf("after it: %s, want %s", got, want)
					}
				})
			})
		}
	}
}

// TestALongGOP: after a loss, the last frame stays until the next keyframe, but not as a live one.
func TestALongGOP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t, small)
		var told conditions
		src := m.AddSource(SourceConfig{Name: "a", ConditionChanged: told.add})
		v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
		corner := image.Rect(0, 0, 320, 40)
		for n, p := range shoot(t, 200, 150, nowhere) { // a GOP of 30 s
			p.Lost = n == 50
			src.WriteVideo(p)
			time.Sleep(200 * time.Millisecond)
			st := src.Stats()
			switch n {
			case 40:
				if st.FPS < 4 || st.FPS > 6 {
					t.Errorf("%v frames a second", st.FPS)
				}
			case 100, 140:
				if st.State != mixer.Lost || st.Reason != mixer.ReasonNoKeyframe || st.FPS > 0 || st.Bitrate == 0 {
					t.Errorf("while the keyframe is missing: %+v", st)
				}
				if s := time.Since(st.Since); s < time.Second || s > 18*time.Second {
					t.Errorf("it is lost since %v", s)
				}
				if v.shows(corner, slate) || !v.shows(corner, veiled(codec.RGB(76, 60, 90))) {
					t.Errorf("the last frame is not darkened: %v", v.mean(corner))
				}
				if l := v.layout().Tiles[0]; l.State != mixer.Lost || l.Reason != mixer.ReasonNoKeyframe || l.Age < (n-52)/5 || l.Age > (n-48)/5 {
					t.Errorf("the layout says %+v", l)
				}
			}
		}
		if got, want := told.list(), "connecting live lost(no-keyframe) live"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		v.sub.Close()
	})
}

// repeated returns packets and n copies of the last one.
func repeated(packets []mixer.Packet, n int) []mixer.Packet {
	return append(slices.Clone(packets), slices.Repeat(packets[len(packets)-1:], n)...)
}

// fiveTimes returns packets, each five times.
func fiveTimes(packets []mixer.Packet) (all []mixer.Packet) {
	for _, p := range packets {
		all = append(all, slices.Repeat([]mixer.Packet{p}, 5)...)
	}
	return all
}

// TestConditionsOfBadVideo: video that cannot be decoded gives its reason, decoded or asleep.
func TestConditionsOfBadVideo(t *testing.T) {
	whole := shoot(t, 60, 10, func(n int) int { return 16 * (1 + n%15) })
	late := whole[1:10]
	damaged := slices.Clone(whole)
	for i, p := range damaged {
		data := slices.Clone(p.Data)
		for j := len(data) / 3; j < len(data); j++ {
			data[j] = 0xff
		}
		damaged[i].Data = data
	}
	cfg := tiny
	cfg.MaxPixels = 320 * 100
	for name, c := range map[string]struct {
		cfg     mixer.Config
		packets []mixer.Packet // five a second
		way     string
		want    string
	}{
		"no keyframe":         {tiny, slices.Repeat(late, 6), composing, "connecting connecting(no-keyframe)"},
		"no keyframe, asleep": {tiny, slices.Repeat(late, 6), sleeping, "connecting connecting(no-keyframe)"},
		"damaged":             {tiny, damaged, composing, "connecting connecting(damaged)"},
		"too large":           {cfg, whole, composing, "connecting connecting(too-large)"},
		"too large, asleep":   {cfg, whole, sleeping, "connecting connecting(too-large)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := start(t, c.cfg)
				var told conditions
				src := m.AddSource(SourceConfig{Name: "a", ConditionChanged: told.add})
				watchAs(t, m, c.way)
				time.Sleep(time.Second) // until it is decoded
				for _, p := range c.packets {
					src.WriteVideo(p)
					time.Sleep(200 * time.Millisecond)
				}
				if got := told.list(); got != c.want {
					t.Errorf("told %s, want %s", got, c.want)
				}
				last, age := src.condition(time.Now())
				text := captionOf(last, age, src.video.tooLarge.Load()).full()
				if large := last.Reason == mixer.ReasonTooLarge; large != (text == "320×180 is more than limits.source_pixels") {
					t.Errorf("the tile says %q", text)
				}
			})
		})
	}
}

// TestFramesThatCannotBeDrawn: tiles say so, and so do the statistics, until drawing works again or nobody looks.
func TestFramesThatCannotBeDrawn(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{})
	awake(t, v, src)
	showFrame(t, src, 320, 180, red)
	expect := func(state mixer.State, reason mixer.Reason) {
		t.Helper()
		if st := src.Stats(); st.State != state || st.Reason != reason {
			t.Errorf("%s because of %q, want %s because of %q", st.State, st.Reason, state, reason)
		}
	}
	expect(mixer.Live, "")
	src.drawFailed(errors.New("an unknown pixel format"))
	expect(mixer.Unusable, mixer.ReasonDamaged)
	v.draw(t)
	expect(mixer.Live, "")
	src.drawFailed(errors.New("an unknown pixel format"))
	v.closeTiles()
	expect(mixer.Live, "")
}

// TestReportedTrouble: a report is told while no video comes, and has no effect while video comes.
func TestReportedTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t, tiny)
		var told conditions
		src := m.AddSource(SourceConfig{Name: "a", ConditionChanged: told.add})
		watchAs(t, m, composing)
		report := func(r mixer.Reason) {
			src.feed.ReportTrouble(mixer.Trouble{Reason: r, Detail: "because"})
			time.Sleep(time.Second)
		}
		report(mixer.ReasonWrongPassword)
		report(mixer.ReasonNoSuchStream)
		for _, p := range shoot(t, 10, 10, func(n int) int { return 16 * (1 + n) }) {
			src.WriteVideo(p)
			time.Sleep(200 * time.Millisecond)
		}
		src.feed.ReportTrouble(mixer.Trouble{})
		report(mixer.ReasonRefused)
		time.Sleep(4 * time.Second)
		src.feed.ReportTrouble(mixer.Trouble{})
		time.Sleep(time.Second)
		want := "connecting connecting(wrong-password) connecting(no-such-stream) live lost(refused) lost(no-data)"
		if got := told.list(); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		c := told.all[len(told.all)-2]
		if c.Detail != "because" || c.Since.IsZero() {
			t.Errorf("the condition was %+v", c)
		}
	})
}
