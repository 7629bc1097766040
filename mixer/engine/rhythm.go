package engine

import (
	"slices"
	"time"
)

// How long after its last frame a source counts as lost, see rhythm.patience.
const (
	leastPatience = 2500 * time.Millisecond // enough for a keyframe to be lost and requested again
	firstPatience = 10 * time.Second        // of a source that has sent one frame, so that the distance of its frames is unknown
	mostPatience  = time.Minute
	gapsPatience  = 3 // the patience is so many times the distance between two frames
)

// rhythm measures the distance between the frames of a source. The zero value is ready.
type rhythm struct {
	gaps  [8]time.Duration // the last gaps between two frames, in a ring
	count int              // number of gaps that were added
}

// add adds the time between two frames.
func (r *rhythm) add(gap time.Duration) {
	r.gaps[r.count%len(r.gaps)] = gap
	r.count++
}

// distance returns the second longest of the last gaps. So a slow camera is known after two gaps, and one interruption does not
// make a camera slow. If there has been only one gap, the result is this gap.
func (r *rhythm) distance() time.Duration {
	last := slices.Sorted(slices.Values(r.gaps[:min(r.count, len(r.gaps))]))
	return last[max(len(last)-2, 0)]
}

// patience returns how long after its last frame the source counts as lost.
func (r *rhythm) patience() time.Duration {
	if r.count == 0 {
		return firstPatience
	}
	return min(max(gapsPatience*r.distance(), leastPatience), mostPatience)
}
