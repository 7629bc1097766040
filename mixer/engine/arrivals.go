package engine

import (
	"time"

	"azulejo/mixer/transit"
)

// How arrivals are measured.
const (
	arrivalBin    = 5 * time.Millisecond
	arrivalBins   = 40               // the last bin also counts all audio that comes even later
	arrivalMemory = 10 * time.Second // time constant with which old audio is forgotten
	arrivalTail   = 0.03             // part of the audio that may come later than lateness returns
)

// arrivals measures how much the transit of a source's audio varies. It is a histogram of the transit above the transit
// floor. Our clock and the sender's clock may have any offset and may drift slowly. The zero value is ready.
type arrivals struct {
	transit transit.Floor
	shares  [arrivalBins]float64 // for each bin, its part of all audio; the sum is 1
}

// add adds audio of a length that came at now on our clock. timestamp is its time on the sender's clock.
func (a *arrivals) add(now, timestamp, length time.Duration) {
	packetTransit := now - timestamp
	if !a.transit.Known() {
		a.shares[0] = 1
	}
	a.transit.Add(now, packetTransit)
	weight := min(float64(length)/float64(arrivalMemory), 0.1)
	for i := range a.shares {
		a.shares[i] *= 1 - weight
	}
	a.shares[min(int((packetTransit-a.floor())/arrivalBin), arrivalBins-1)] += weight
}

// floor returns the transit floor of the audio.
func (a *arrivals) floor() time.Duration { return a.transit.Value() }

// lateness returns the transit above the floor that only arrivalTail of the audio exceeds.
func (a *arrivals) lateness() time.Duration {
	tail := arrivalTail
	for i := arrivalBins - 1; i > 0; i-- {
		if tail -= a.shares[i]; tail < 0 {
			return time.Duration(i+1) * arrivalBin
		}
	}
	return arrivalBin
}
