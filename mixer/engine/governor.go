package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// Levels of overload. At each of these levels, and above, the room is degraded in one more way.
const (
	overloadStill = 1 // tiles that hardly change are drawn less often
	overloadRate  = 2 // the frame rate is halved
	overloadRung  = 3 // the top rung is encoded only for subscriptions with Watching.Keep
)

// How the governor decides.
const (
	governEvery  = 2 * time.Second
	lateShare    = 0.10             // if more than this share of the ticks within governEvery is late, the level rises by one
	healthyShare = 0.02             // if at most this share of the ticks within governEvery is late, the room is healthy
	recoverAfter = 10 * time.Second // when a room has been healthy for this time, the level falls by one
)

// governor decides the level of overload by the share of late ticks of all views of a room. It decides every governEvery. The
// level rises by one if too many ticks were late. It falls by one after recoverAfter with hardly any late ticks. While the
// frame rate is halved, a tick has twice the time, and fewer ticks are late. Therefore the governor also counts slow ticks,
// which would be late at the full rate. The full rate returns only when hardly any tick is slow. Safe for concurrent use.
type governor struct {
	mu      sync.Mutex
	ticks   int       // all ticks since the last decision
	late    int       // ticks that are late at the current frame rate
	slow    int       // ticks that are late at the full frame rate
	level   int       // the level of overload
	most    int       // the highest level
	healthy time.Time // since when the room has been healthy; zero while it is not
}

func newGovernor() *governor { return &governor{most: mixer.OverloadJoins} }

// stride returns the number of ticks from one composed canvas to the next. The caller must hold g.mu.
func (g *governor) stride() int {
	if g.level >= overloadRate {
		return 2
	}
	return 1
}

// skip counts n consecutive ticks that were skipped because they were late. While the frame rate is halved, one of these ticks
// did not have to be composed, and does not count as late.
func (g *governor) skip(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks += n
	g.slow += n
	g.late += max(0, n+1-g.stride())
}

// observe counts a tick that was composed. lateness is the time from the moment when the tick was due until its canvas was
// ready. period is the time between ticks at the full frame rate. The tick counts as late if the canvas was ready only after
// the next canvas was due.
func (g *governor) observe(lateness, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks++
	if lateness > period {
		g.slow++
	}
	if lateness > period*time.Duration(g.stride()) {
		g.late++
	}
}

// encoderLate counts a canvas as late: its encoder had not fetched it when the next canvas was composed.
func (g *governor) encoderLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late++
}

// encoded counts a frame as slow if its encoder took longer than period, the time between ticks at the full frame rate.
func (g *governor) encoded(took, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > period {
		g.slow++
	}
}

// decide sets and returns the new level, and starts to count anew. It is called every governEvery.
func (g *governor) decide(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := func(n int) float64 { return float64(n) / float64(max(g.ticks, 1)) }
	hindering := g.slow // ticks that keep the level from falling; slow ones, so that the full rate returns only if it is sustainable
	if g.level > overloadRate {
		hindering = g.late
	}
	switch {
	case g.late > 1 && share(g.late) > lateShare:
		g.level, g.healthy = min(g.level+1, g.most), time.Time{}
	case share(hindering) > healthyShare:
		g.healthy = time.Time{}
	case g.healthy.IsZero():
		g.healthy = now
	case g.level > 0 && now.Sub(g.healthy) >= recoverAfter:
		g.level, g.healthy = g.level-1, now
	}
	g.ticks, g.late, g.slow = 0, 0, 0
	return g.level
}
