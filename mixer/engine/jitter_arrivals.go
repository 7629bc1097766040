package engine

import "time"

// How arrivals are remembered.
const (
	arrivalBin    = 5 * time.Millisecond
	arrivalBins   = 40               // the last one holds all that is later
	arrivalMemory = 10 * time.Second // time constant of the shares
	arrivalTail   = 0.03             // share of the sound that may come later than lateness says
	floorWindow   = time.Second
)

// arrivals measures by how much sound comes later than its timestamps promise. Only differences count: the
// two clocks may have any offset and drift apart slowly. The zero value is ready.
type arrivals struct {
	way   way
	share [arrivalBins]float64
}

// way is the transit of the packets that waited least, lately. The zero value is ready.
type way struct {
	known  bool
	least  [2]time.Duration // transit in this window and the one before
	window time.Duration    // when this one ends
}

// add notes a transit of what came at now.
func (w *way) add(now, transit time.Duration) {
	switch {
	case !w.known:
		*w = way{known: true, least: [2]time.Duration{transit, transit}, window: now + floorWindow}
	case now >= w.window:
		w.least = [2]time.Duration{transit, w.least[0]}
		w.window = now + floorWindow
	}
	w.least[0] = min(w.least[0], transit)
}

// floor is that transit: what is meant for a moment arrives that much after it.
func (w *way) floor() time.Duration { return min(w.least[0], w.least[1]) }

// add notes that sound of that length came at now on our clock and is meant for at on the sender's.
func (a *arrivals) add(now, at, length time.Duration) {
	transit := now - at
	if !a.way.known {
		a.share[0] = 1
	}
	a.way.add(now, transit)
	part := min(float64(length)/float64(arrivalMemory), 0.1)
	for i := range a.share {
		a.share[i] *= 1 - part
	}
	a.share[min(int((transit-a.floor())/arrivalBin), arrivalBins-1)] += part
}

// floor is the transit of the packets that waited least.
func (a *arrivals) floor() time.Duration { return a.way.floor() }

// lateness is how long after the floor nearly all sound has come.
func (a *arrivals) lateness() time.Duration {
	rest := arrivalTail
	for i := arrivalBins - 1; i > 0; i-- {
		if rest -= a.share[i]; rest < 0 {
			return time.Duration(i+1) * arrivalBin
		}
	}
	return arrivalBin
}
