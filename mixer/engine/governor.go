package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// The levels of overload from which a room is degraded in these ways.
const (
	overloadStill = 1 // tiles that hardly change are drawn less often
	overloadRate  = 2 // the frame rate is halved
	overloadRung  = 3 // the top rung is encoded only for subscriptions with Watching.Keep
)

// How the governor decides.
const (
	governEvery  = 2 * time.Second
	lateShare    = 0.10             // if more than this share of the ticks in a period is late, the level rises by one
	healthyShare = 0.02             // if at most this share is late, the room is healthy
	recoverAfter = 10 * time.Second // after a room was healthy for this time, the level falls by one
)

// governor decides the level of overload by how late ticks are. The level rises by one after every period with too many
// late ticks. It falls by one after recoverAfter with hardly any late ticks. While the frame rate is halved, a tick has
// twice the time and fewer ticks are late. Therefore slow counts the ticks that would be late at the full rate, and the
// full rate returns only when there are hardly any. Safe for concurrent use.
type governor struct {
	mu          sync.Mutex
	ticks       int       // all ticks of this period
	late        int       // ticks that are late at the current frame rate
	slow        int       // ticks that are late at the full frame rate
	level, most int       // most is the highest level
	healthy     time.Time // since when the room has been healthy; zero while it is not
}

func newGovernor() *governor { return &governor{most: mixer.OverloadJoins} }

// stride returns the number of ticks from one composed canvas to the next. g.mu is held.
func (g *governor) stride() int {
	if g.level >= overloadRate {
		return 2
	}
	return 1
}

// skip counts n consecutive ticks that were skipped because they were late. While the frame rate is halved, one of them
// did not have to be composed, and does not count as late.
func (g *governor) skip(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks += n
	g.slow += n
	g.late += max(0, n+1-g.stride())
}

// observe counts a tick that was composed. lateness is the time from when the tick was due until its canvas was ready.
// If the canvas was ready only after the next tick was due, the tick counts as late.
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

// encoderLate counts a canvas that an encoder did not fetch before the next one was composed.
func (g *governor) encoderLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late++
}

// encoded counts a frame as slow if its encoder took longer than a period.
func (g *governor) encoded(took, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > period {
		g.slow++
	}
}

// decide ends a period of governEvery. It sets and returns the new level.
func (g *governor) decide(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := func(n int) float64 { return float64(n) / float64(max(g.ticks, 1)) }
	hindering := g.slow // ticks that keep the level from falling
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
