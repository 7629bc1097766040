package engine

import "time"

// How arrivals are measured.
const (
	arrivalBin    = 5 * time.Millisecond
	arrivalBins   = 40               // the last bin holds everything that is later
	arrivalMemory = 10 * time.Second // time constant of the shares
	arrivalTail   = 0.03             // share of the audio that may come later than lateness says
	floorWindow   = time.Second
)

// arrivals measures by how much audio comes later than its timestamps say. Only differences count: the two clocks may
// have any offset and may drift slowly. The zero value is ready.
type arrivals struct {
	transit transit
	share   [arrivalBins]float64
}

// transit is the shortest recent time between the timestamp of a packet and its arrival. It includes the unknown offset
// of the two clocks. The zero value is ready.
type transit struct {
	known  bool
	least  [2]time.Duration // the shortest in this window and in the one before
	window time.Duration    // when this window ends
}

// add notes the transit of a packet that came at now.
func (t *transit) add(now, took time.Duration) {
	switch {
	case !t.known:
		*t = transit{known: true, least: [2]time.Duration{took, took}, window: now + floorWindow}
	case now >= t.window:
		t.least = [2]time.Duration{took, t.least[0]}
		t.window = now + floorWindow
	}
	t.least[0] = min(t.least[0], took)
}

// floor is the shortest transit of the last one to two seconds.
func (t *transit) floor() time.Duration { return min(t.least[0], t.least[1]) }

// add notes that audio of that length came at now on our clock. at is its timestamp on the sender's clock.
func (a *arrivals) add(now, at, length time.Duration) {
	took := now - at
	if !a.transit.known {
		a.share[0] = 1
	}
	a.transit.add(now, took)
	part := min(float64(length)/float64(arrivalMemory), 0.1)
	for i := range a.share {
		a.share[i] *= 1 - part
	}
	a.share[min(int((took-a.floor())/arrivalBin), arrivalBins-1)] += part
}

// floor is the transit of the packets that waited least in the network.
func (a *arrivals) floor() time.Duration { return a.transit.floor() }

// lateness is how long after the floor nearly all audio has come.
func (a *arrivals) lateness() time.Duration {
	rest := arrivalTail
	for i := arrivalBins - 1; i > 0; i-- {
		if rest -= a.share[i]; rest < 0 {
			return time.Duration(i+1) * arrivalBin
		}
	}
	return arrivalBin
}
