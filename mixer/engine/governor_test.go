package engine

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// fakeLoad is a governor with a clock that the test moves.
type fakeLoad struct {
	*governor
	now time.Time
}

// spend lets n periods of 50 ticks pass, of which late are late, and returns the level.
func (f *fakeLoad) spend(n, late int) (level int) {
	for range n {
		for i := range 50 {
			lateness := time.Millisecond
			if i < late {
				lateness = time.Second
			}
			f.observe(lateness, 40*time.Millisecond)
		}
		f.now = f.now.Add(governEvery)
		level = f.decide(f.now)
	}
	return level
}

func newFakeLoad() *fakeLoad { return &fakeLoad{newGovernor(), time.Unix(1000, 0)} }

func TestOneLateTickDoesNothing(t *testing.T) {
	f := newFakeLoad()
	for range 100 {
		if level := f.spend(1, 1); level != 0 {
			t.Fatalf("level %d after one late tick of 50", level)
		}
	}
	if level := f.spend(20, 5); level != 0 {
		t.Errorf("level %d with a tenth of the ticks late", level)
	}
}

func TestLatenessGoesUpOneStepAPeriod(t *testing.T) {
	f := newFakeLoad()
	for want := 1; want <= mixer.OverloadJoins; want++ {
		if level := f.spend(1, 6); level != want {
			t.Errorf("level %d after %d bad periods", level, want)
		}
	}
	if level := f.spend(5, 50); level != mixer.OverloadJoins {
		t.Errorf("level %d, there are %d", level, mixer.OverloadJoins)
	}
}

func TestRecoveryIsInReverseAndSlow(t *testing.T) {
	f := newFakeLoad()
	f.spend(4, 50)
	begin, last := f.now, f.level
	for f.level > 0 {
		level := f.spend(1, 0)
		if level < last-1 || level > last {
			t.Errorf("from level %d to %d", last, level)
		}
		if d := f.now.Sub(begin); level < last && d < recoverAfter {
			t.Errorf("level %d only %v after level %d", level, d, last)
		}
		if level < last {
			begin = f.now
		}
		if f.now.Sub(begin) > 2*recoverAfter {
			t.Fatalf("level %d for %v", level, f.now.Sub(begin))
		}
		last = level
	}
	f.spend(2, 50)
	f.spend(3, 0)
	f.spend(1, 4) // not healthy, but not bad enough to go up: the wait starts again
	if level := f.spend(4, 0); level != 2 {
		t.Errorf("level %d although it was not healthy for 10 s", level)
	}
	if level := f.spend(2, 0); level != 1 {
		t.Errorf("level %d after 10 s of health", level)
	}
}

// TestHalfOfTheRateIsEnough: if ticks are late at the full rate only, the level falls to overloadRate and stays there. It
// falls further when the full rate is in time.
func TestHalfOfTheRateIsEnough(t *testing.T) {
	f := newFakeLoad()
	f.spend(3, 50)
	for want := f.level; f.level > overloadRate; {
		if f.late(1) < want-1 {
			t.Fatalf("from level %d to %d", want, f.level)
		}
		if want = f.level; f.now.Unix() > 1100 {
			t.Fatalf("level %d although half of the rate is in time", f.level)
		}
	}
	if level := f.late(20); level != overloadRate {
		t.Errorf("level %d while half of the rate is in time, and the whole is not", level)
	}
	if level := f.spend(7, 0); level != overloadStill {
		t.Errorf("level %d when the whole is in time", level)
	}
}

// late plays n periods in which composing takes longer than one tick and less than two, and returns the level.
func (f *fakeLoad) late(n int) (level int) {
	for range n {
		for range 25 {
			f.skip(1)
			f.observe(60*time.Millisecond, 40*time.Millisecond)
		}
		f.now = f.now.Add(governEvery)
		level = f.decide(f.now)
	}
	return level
}

func TestSkippedTicksAndSlowEncodersAreLateness(t *testing.T) {
	g := newGovernor()
	for range 10 {
		g.skip(4)
		g.observe(0, 40*time.Millisecond)
	}
	if level := g.decide(time.Now()); level != 1 {
		t.Errorf("level %d with four of five ticks skipped", level)
	}
	for range 50 {
		g.observe(0, 40*time.Millisecond)
		g.encoderLate()
	}
	if level := g.decide(time.Now()); level != 2 {
		t.Errorf("level %d with an encoder that never comes in time", level)
	}
	if level := newGovernor().decide(time.Now()); level != 0 {
		t.Errorf("level %d of a room without ticks", level)
	}
}

// overload sets the level and keeps it there for ten seconds.
func (m *rig) overload(level int) {
	m.governor.mu.Lock()
	m.governor.level, m.governor.most, m.governor.healthy = level, level, time.Time{}
	m.governor.mu.Unlock()
	m.setLevel(level)
	m.settle()
}

// TestOverloadShowsCalmTilesLessOften composes 2 s with a new frame every 25 ms, under a clock of the test.
func TestOverloadShowsCalmTilesLessOften(t *testing.T) {
	for _, c := range []struct {
		level    int
		calm     bool
		min, max int
	}{{0, true, 80, 80}, {1, false, 80, 80}, {1, true, 8, 11}} {
		m := start(t, small)
		src := m.AddSource(SourceConfig{Name: "a"})
		v := stage(t, m, mixer.View{})
		awake(t, v, src)
		src.video.motion.low.Store(c.calm)
		m.level.Store(int32(c.level))
		drawn := 0
		begin := time.Now()
		for i := range 81 {
			showFrame(t, src, 64, 36, codec.RGB(uint8(i%2*60), 0, 0)) // each looks different from the last
			changed, err := v.compose(begin.Add(time.Duration(i) * 25 * time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			if changed && i > 0 {
				drawn++
			}
		}
		if drawn < c.min || drawn > c.max {
			t.Errorf("level %d, calm %v: drawn %d times, want %d to %d", c.level, c.calm, drawn, c.min, c.max)
		}
		src.SetMuted(false, true)
		if changed, err := v.compose(begin.Add(2001 * time.Millisecond)); err != nil || !changed {
			t.Errorf("level %d: a calm tile that is muted waits, error %v", c.level, err)
		}
	}
}

// lively is video of that many seconds in which everything moves.
func lively(t *testing.T, seconds int) []mixer.Packet {
	t.Helper()
	return clip(t, "mandelbrot=size=160x90:rate=20", "-t", strconv.Itoa(seconds), "-bf", "0", "-g", "20", "-crf", "18", "-preset", "ultrafast")
}

func TestCalmIsMeasured(t *testing.T) {
	m := start(t, small)
	busy, calm := m.AddSource(SourceConfig{Name: "busy"}), m.AddSource(SourceConfig{Name: "calm"})
	loop(t, lively(t, 6), busy.WriteVideo)
	send(t, calm.WriteVideo, mixer.H264, 320, 180, green, false)
	attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 4*time.Second, "one is calm, the other is not", func() bool { return calm.video.calm() && !busy.video.calm() && busy.Stats().State == mixer.Live })
}

// TestOverloadHalvesTheRateButKeepsBeginnings runs under a fake clock, because a busy machine skips ticks.
func TestOverloadHalvesTheRateButKeepsBeginnings(t *testing.T) {
	film := lively(t, 8)
	synctest.Test(t, func(t *testing.T) { halves(t, film) })
}

func halves(t *testing.T, film []mixer.Packet) {
	cfg := small
	cfg.GOP = time.Second
	m := start(t, cfg)
	src := m.AddSource(SourceConfig{Name: "a"})
	time.Sleep(25 * time.Millisecond) // frames come between ticks, one for each
	loop(t, film, src.WriteVideo)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264, Keep: true}, nil)
	eventually(t, 3*time.Second, "the frame", func() bool { return src.Stats().State == mixer.Live && !src.video.calm() && v.count() > 20 })
	m.overload(overloadRate)
	v.between(t, 200*time.Millisecond)
	got := v.between(t, 2*time.Second)
	if len(got) < 10 || len(got) > 25 {
		t.Errorf("%d frames in 2 s, want about 20 of 40", len(got))
	}
	whole := 0
	for _, p := range got {
		if p.PTS%time.Second == 0 && p.Key {
			whole++
		}
	}
	if whole < 2 {
		t.Errorf("%d GOPs began in 2 s", whole)
	}
	if m.Stats().Overload != overloadRate {
		t.Errorf("the announced level is %d", m.Stats().Overload)
	}
	m.overload(0)
	v.between(t, 200*time.Millisecond)
	if got, late := v.between(t, time.Second), int(m.Stats().LateTicks); len(got)+late < 17 {
		t.Errorf("%d frames in a second after recovery", len(got))
	}
}

func TestLeavingOutIsEveryOtherTick(t *testing.T) {
	m := &Engine{cfg: mixer.Config{FPS: 20, GOP: time.Second}}
	m.level.Store(overloadRate)
	v := &view{engine: m, cadence: cadence{rate: 20, per: time.Second}}
	kept := 0
	for n := int64(1000); n < 1200; n++ {
		out := v.leaveOut(n)
		if out && n%20 == 0 {
			t.Errorf("tick %d starts a GOP and is left out", n)
		}
		if !out {
			kept++
		}
	}
	if kept < 95 || kept > 110 {
		t.Errorf("%d of 200 ticks are composed, want about half", kept)
	}
}

// TestNoTickIsLeftOutWhereTicksAreSkipped: such a machine already shows half of the rate or less.
func TestNoTickIsLeftOutWhereTicksAreSkipped(t *testing.T) {
	m := &Engine{cfg: mixer.Config{FPS: 20, GOP: time.Second}}
	m.level.Store(overloadRate)
	for _, step := range []int64{2, 3} {
		v := &view{engine: m, cadence: cadence{rate: 20, per: time.Second}}
		for n := int64(1001); n < 1200; n += step {
			if v.leaveOut(n) {
				t.Errorf("tick %d is left out, %d after the last one that was due", n, step)
			}
		}
	}
}

func TestOverloadKeepsTheTopRungForRecordings(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	keeper := attend(t, m, mixer.Watching{Codec: mixer.H264, Keep: true}, nil)
	auto := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	top := attend(t, m, mixer.Watching{Codec: mixer.H264, Rung: "360p"}, nil)
	low := attend(t, m, mixer.Watching{Codec: mixer.H264, Rung: "90p"}, nil)
	sizes := func(want ...mixer.Size) func() bool {
		return func() bool {
			return keeper.size() == want[0] && auto.size() == want[1] && top.size() == want[1] && low.size() == want[2]
		}
	}
	full, half, least := mixer.Size{W: 640, H: 360}, mixer.Size{W: 320, H: 180}, mixer.Size{W: 160, H: 90}
	eventually(t, 4*time.Second, "each its own", sizes(full, full, least))
	m.overload(overloadRate)
	m.overload(overloadRung)
	eventually(t, 4*time.Second, "the top rung is only for the recording", sizes(full, half, least))
	late := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "also for a later viewer", func() bool { return late.size() == half })
	if err := keeper.sub.Change(mixer.Watching{View: &mixer.View{Capacity: 2}}); err != nil {
		t.Fatal(err)
	}
	if r := keeper.sub.Rendition(); r.Width != full.W {
		t.Errorf("a change took it from the recording: %dx%d", r.Width, r.Height)
	}
	m.overload(mixer.OverloadJoins)
	m.overload(overloadRung)
	m.overload(overloadRate)
	eventually(t, 4*time.Second, "all return", sizes(full, full, least))
	eventually(t, 2*time.Second, "the later viewer as well", func() bool { return late.size() == full })
}
