package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// The steps by which an overloaded room is degraded, in this order.
const (
	overloadStill = 1 // tiles that hardly change are shown less often
	overloadRate  = 2 // half of the frame rate
	overloadRung  = 3 // the top rung only for sinks that keep it
)

// How the governor decides.
const (
	governEvery = 2 * time.Second
	lateShare   = 0.10             // of the ticks of one period, above which the room is degraded one step
	wellShare   = 0.02             // below which it counts as well
	wellFor     = 10 * time.Second // how long, before it recovers one step
)

// governor turns the lateness of ticks into a level of overload: one step worse after every period with too many
// late ticks, one step better after a while with hardly any. What is late at half of the frame rate is less than at the
// whole, which has to be within reach before it comes back. Safe for concurrent use.
type governor struct {
	mu          sync.Mutex
	ticks       int
	late        int       // for the rate that is shown now
	slow        int       // for the whole rate: late, and what is in time for half of it alone
	level, most int       // most is where it ends
	well        time.Time // since when; zero when it is not
}

func newGovernor() *governor { return &governor{most: mixer.OverloadJoins} }

// stride is how many ticks a picture is shown for; g.mu is held.
func (g *governor) stride() int {
	if g.level >= overloadRate {
		return 2
	}
	return 1
}

// skip notes n ticks that passed, one after the other, before anybody came for them.
func (g *governor) skip(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks += n
	g.slow += n
	g.late += max(0, n+1-g.stride())
}

// observe notes a tick that was composed, and how long after its time it was ready. A picture that is later than its
// successor is due is as good as skipped.
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

// encoderLate notes that an encoder did not come for a picture before the next one was there.
func (g *governor) encoderLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late++
}

// encoded notes how long an encoder took for a picture.
func (g *governor) encoded(took, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if took > period {
		g.slow++
	}
}

// decide closes a period and returns the level from now on.
func (g *governor) decide(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := func(n int) float64 { return float64(n) / float64(max(g.ticks, 1)) }
	hinders := g.slow // the step that is next to be taken back
	if g.level > overloadRate {
		hinders = g.late
	}
	switch {
	case g.late > 1 && share(g.late) > lateShare:
		g.level, g.well = min(g.level+1, g.most), time.Time{}
	case share(hinders) > wellShare:
		g.well = time.Time{}
	case g.well.IsZero():
		g.well = now
	case g.level > 0 && now.Sub(g.well) >= wellFor:
		g.level, g.well = g.level-1, now
	}
	g.ticks, g.late, g.slow = 0, 0, 0
	return g.level
}
