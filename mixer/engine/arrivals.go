package engine

import (
	"time"

	"azulejo/mixer/transit"
)

// Parameters of arrivals.
const (
	arrivalBin    = 5 * time.Millisecond // width of a bin of the histogram
	arrivalBins   = 40                   // number of bins; the last bin also counts audio with a longer transit
	arrivalMemory = 10 * time.Second     // time constant with which old audio is forgotten
	arrivalTail   = 0.03                 // share of the audio that may come later than lateness says
)

// arrivals measures how much the transit of a source's audio varies. It keeps a histogram of the time by which the transit
// exceeds the transit floor. Our clock and the sender's clock may have any offset and may drift slowly. The zero value is
// ready.
type arrivals struct {
	transit transit.Floor
	shares  [arrivalBins]float64 // the share of the audio in each bin; the sum is 1
}

// add counts audio of the given length that arrived at the time received on our clock. timestamp is the time of this audio on
// the sender's clock.
func (a *arrivals) add(received, timestamp, length time.Duration) {
	packetTransit := received - timestamp
	if !a.transit.Known() {
		a.shares[0] = 1
	}
	a.transit.Add(received, packetTransit)
	weight := min(float64(length)/float64(arrivalMemory), 0.1)
	for i := range a.shares {
		a.shares[i] *= 1 - weight
	}
	a.shares[min(int((packetTransit-a.floor())/arrivalBin), arrivalBins-1)] += weight
}

// floor returns the transit floor of the audio.
func (a *arrivals) floor() time.Duration { return a.transit.Value() }

// lateness returns how late audio may arrive: all but arrivalTail of the audio has a transit of at most the floor plus
// lateness. The result is from 5 to 200 ms.
func (a *arrivals) lateness() time.Duration {
	tail := arrivalTail
	for i := arrivalBins - 1; i > 0; i-- {
		if tail -= a.shares[i]; tail < 0 {
			return time.Duration(i+1) * arrivalBin
		}
	}
	return arrivalBin
}
