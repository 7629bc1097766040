package mixer

import (
	"sync"
	"time"
)

// The steps by which an overloaded room is degraded, in this order.
const (
	overloadStill = 1 // tiles that hardly change are shown less often
	overloadRate  = 2 // half of the frame rate
	overloadRung  = 3 // the top rung only for sinks that keep it
	overloadJoins = 4 // nobody else may join
)

// How the governor decides.
const (
	governEvery = 2 * time.Second
	lateShare   = 0.10             // of the ticks of one period, above which the room is degraded one step
	wellShare   = 0.02             // below which it counts as well
	wellFor     = 10 * time.Second // how long, before it recovers one step
)

// governor turns the lateness of ticks into a level of overload: one step worse after every period with too many
// late ticks, one step better after a while with hardly any. Safe for concurrent use.
type governor struct {
	mu          sync.Mutex
	ticks, late int
	level, most int       // most is where it ends
	well        time.Time // since when; zero when it is not
}

func newGovernor() *governor { return &governor{most: overloadJoins} }

// skip notes n ticks that passed before anybody came for them.
func (g *governor) skip(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks += n
	g.late += n
}

// observe notes a tick that was composed, and how long after its time it was ready. A picture that is later than its
// successor is due is as good as skipped.
func (g *governor) observe(lateness, period time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks++
	if lateness > period {
		g.late++
	}
}

// encoderLate notes that an encoder did not come for a picture in time.
func (g *governor) encoderLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late++
}

// decide closes a period and returns the level from now on.
func (g *governor) decide(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	share := float64(g.late) / float64(max(g.ticks, 1))
	late := g.late
	g.ticks, g.late = 0, 0
	switch {
	case late > 1 && share > lateShare:
		g.level, g.well = min(g.level+1, g.most), time.Time{}
	case share > wellShare:
		g.well = time.Time{}
	case g.well.IsZero():
		g.well = now
	case g.level > 0 && now.Sub(g.well) >= wellFor:
		g.level, g.well = g.level-1, now
	}
	return g.level
}
