package engine

import (
	"time"

	"azulejo/mixer/transit"
)

// How arrivals are measured.
const (
	arrivalBin    = 5 * time.Millisecond
	arrivalBins   = 40               // the last bin holds everything that is later
	arrivalMemory = 10 * time.Second // time constant of the shares
	arrivalTail   = 0.03             // share of the audio that may come later than lateness says
)

// arrivals measures by how much audio comes later than its timestamps say. Only differences count: the two clocks may
// have any offset and may drift slowly. The zero value is ready.
type arrivals struct {
	transit transit.Floor
	share   [arrivalBins]float64
}

// add notes that audio of that length came at now on our clock. at is its timestamp on the sender's clock.
func (a *arrivals) add(now, at, length time.Duration) {
	took := now - at
	if !a.transit.Known() {
		a.share[0] = 1
	}
	a.transit.Add(now, took)
	part := min(float64(length)/float64(arrivalMemory), 0.1)
	for i := range a.share {
		a.share[i] *= 1 - part
	}
	a.share[min(int((took-a.floor())/arrivalBin), arrivalBins-1)] += part
}

// floor is the transit of the packets that waited least in the network.
func (a *arrivals) floor() time.Duration { return a.transit.Value() }

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
