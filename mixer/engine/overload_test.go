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

// labour is work that takes its time while it is hard, once in a while.
type labour struct {
	takes, every time.Duration
	hard         atomic.Bool
	last         time.Time // when it was hard; of the goroutine that works
}

func (l *labour) work() {
	if l.hard.Load() && time.Since(l.last) >= l.every {
		l.last = time.Now()
		time.Sleep(l.takes)
	}
}

// WritePacket holds the encoder up.
func (l *labour) WritePacket(mixer.Packet) { l.work() }

// spend shows pictures, each unlike the one before, for so long and returns the levels of overload meanwhile.
func spend(t *testing.T, src *publisher, d time.Duration) (levels []int) {
	t.Helper()
	for i := range int(d / (50 * time.Millisecond)) {
		putFrame(t, src, 64, 36, codec.RGB(uint8(i%2*60), 0, 0))
		time.Sleep(50 * time.Millisecond)
		levels = append(levels, src.engine.overload())
	}
	return slices.Compact(levels)
}

// TestOverloadGoesUpAndDown in its order, step by step, whatever it is that makes pictures late. Time is fake: it
// passes only where the test holds something up, however busy the machine is.
func TestOverloadGoesUpAndDown(t *testing.T) {
	onTick := func(src *publisher, l *labour) sink { src.drawRecovery = l.work; return deaf{} }
	onDelivery := func(_ *publisher, l *labour) sink { return l }
	for name, c := range map[string]struct {
		labour *labour
		most   int // the rungs of who holds the encoder up cannot be changed meanwhile
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
				steps := []int{0, 1, 2, 3, 4}[:c.want+1]
				c.labour.hard.Store(true)
				if got := spend(t, src, 16*time.Second); !slices.Equal(got, steps) {
					t.Errorf("levels %v while pictures are late, want %v", got, steps)
				}
				c.labour.hard.Store(false)
				slices.Reverse(steps)
				if got := spend(t, src, 60*time.Second); !slices.Equal(got, steps) {
					t.Errorf("levels %v when they are no more, want %v", got, steps)
				}
			})
		})
	}
}

// upTo has the level end there.
func (g *governor) upTo(most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = most
}
