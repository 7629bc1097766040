package engine

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// labour is work that takes a long time once per period, while hard is set.
type labour struct {
	takes, every time.Duration
	hard         atomic.Bool
	last         time.Time // when it took long; owned by the goroutine that works
}

func (l *labour) work() {
	if l.hard.Load() && time.Since(l.last) >= l.every {
		l.last = time.Now()
		time.Sleep(l.takes)
	}
}

// WritePacket delays the encoder.
func (l *labour) WritePacket(mixer.Packet) { l.work() }

// spend shows frames for d, each different from the one before. It returns the levels of overload in their order.
func spend(t *testing.T, src *publisher, d time.Duration) (levels []int) {
	t.Helper()
	for i := range int(d / (50 * time.Millisecond)) {
		showFrame(t, src, 64, 36, codec.RGB(uint8(i%2*60), 0, 0))
		time.Sleep(50 * time.Millisecond)
		levels = append(levels, src.engine.overload())
	}
	return slices.Compact(levels)
}

// TestOverloadGoesUpAndDown: the level rises and falls step by step, for late ticks and for late encoders. The clock is
// fake: time passes only where the test delays the ticker or the encoder.
func TestOverloadGoesUpAndDown(t *testing.T) {
	onTick := func(src *publisher, l *labour) sink { src.drawRecovery = l.work; return deaf{} }
	onDelivery := func(_ *publisher, l *labour) sink { return l }
	for name, c := range map[string]struct {
		labour *labour
		most   int // highest level; a sink that delays the encoder also delays a change of its rung
		want   int
		place  func(*publisher, *labour) sink
	}{
		"half of the rate is in time":      {&labour{takes: 150 * time.Millisecond, every: 500 * time.Millisecond}, mixer.OverloadJoins, overloadRate, onTick},
		"half of the rate is late":         {&labour{takes: 250 * time.Millisecond, every: 500 * time.Millisecond}, mixer.OverloadJoins, mixer.OverloadJoins, onTick},
		"one is late, many are skipped":    {&labour{takes: time.Second, every: 2 * time.Second}, mixer.OverloadJoins, mixer.OverloadJoins, onTick},
		"the encoder is late":              {&labour{takes: 300 * time.Millisecond}, overloadRate, overloadRate, onDelivery},
		"the encoder has half of the rate": {&labour{takes: 150 * time.Millisecond}, mixer.OverloadJoins, overloadRate, onDelivery},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := start(t, mixer.Config{Width: 64, Height: 64, FPS: 10, Preset: "ultrafast"})
				m.governor.upTo(c.most)
				src := m.AddSource(SourceConfig{Name: "a"})
				sub, err := m.Watch(mixer.Watching{Codec: mixer.H264}, c.place(src, c.labour))
				if err != nil {
					t.Fatal(err)
				}
				defer sub.Close()
				eventually(t, 3*time.Second, "the source is decoded", func() bool { return src.Stats().Decoded && len(src.video.changed) == 0 })
				steps := []int{0, 1, 2, 3, 4}[:c.want+1]
				c.labour.hard.Store(true)
				if got := spend(t, src, 16*time.Second); !slices.Equal(got, steps) {
					t.Errorf("levels %v while frames are late, want %v", got, steps)
				}
				c.labour.hard.Store(false)
				slices.Reverse(steps)
				if got := spend(t, src, 60*time.Second); !slices.Equal(got, steps) {
					t.Errorf("levels %v when frames are in time again, want %v", got, steps)
				}
			})
		})
	}
}

// upTo sets the highest level.
func (g *governor) upTo(most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = most
}
