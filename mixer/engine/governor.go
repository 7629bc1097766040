package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// The steps by which an overloaded room is degraded, in this order.
const (
	overloadStill = 1 // tiles that hardly change are shown less often
	overloadRate  = 2 // the frame rate is halved
	overloadRung  = 3 // the top rung is encoded only for sinks that keep it
)

// How the governor decides.
const (
	governEvery  = 2 * time.Second
	lateShare    = 0.10             // of the ticks of a period; above it the room is degraded one step
	healthyShare = 0.02             // up to this share of late ticks the room is healthy
	recoverAfter = 10 * time.Second // of being healthy, the room recovers one step
)

// governor turns the lateness of ticks into a level of overload. The level rises by one step after every period with
// too many late ticks, and falls by one step after a while with hardly any. At half of the frame rate fewer ticks are
// late: the full rate comes back only when its ticks would be in time. Safe for concurrent use.
type governor struct {
	mu          sync.Mutex
	ticks       int
	late        int       // ticks that are late for the rate that is shown now
	slow        int       // ticks that are late for the full rate
	level, most int       // most is the highest level
	healthy     time.Time // since when the room is healthy; zero while it is not
}

func newGovernor() *governor { return &governor{most: mixer.OverloadJoins} }

// stride is for how many ticks a composed canvas is shown. g.mu is held.
func (g *governor) stride() int {
	if g.level >= overloadRate {
		return 2
	}
	return 1
}

// skip notes n consecutive ticks that passed without being composed.
func (g *governor) skip(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks += n
	g.slow += n
	g.late += max(0, n+1-g.stride())
}

// observe notes a tick that was composed, and how long after its time it was ready. A tick that is ready only when the
// next one is due counts as skipped.
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

// encoderLate notes that an encoder did not fetch a canvas before the next one was composed.
func (g *governor) encoderLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late++
}

// encoded notes how long an encoder took for a frame.
func (g *governor) encoded(took, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > period {
		g.slow++
	}
}

// decide ends a period and returns the level from now on.
func (g *governor) decide(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := func(n int) float64 { return float64(n) / float64(max(g.ticks, 1)) }
	hinders := g.slow // what keeps the room from recovering a step
	if g.level > overloadRate {
		hinders = g.late
	}
	switch {
	case g.late > 1 && share(g.late) > lateShare:
		g.level, g.healthy = min(g.level+1, g.most), time.Time{}
	case share(hinders) > healthyShare:
		g.healthy = time.Time{}
	case g.healthy.IsZero():
		g.healthy = now
	case g.level > 0 && now.Sub(g.healthy) >= recoverAfter:
		g.level, g.healthy = g.level-1, now
	}
	g.ticks, g.late, g.slow = 0, 0, 0
	return g.level
}
