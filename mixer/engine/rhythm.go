package engine

import (
	"slices"
	"time"
)

// How long after its last frame a source counts as lost, see rhythm.patience.
const (
	leastPatience = 2500 * time.Millisecond // enough for a keyframe to be lost and requested again
	firstPatience = 10 * time.Second        // of a source that has sent one frame, so that the distance of its frames is unknown
	mostPatience  = time.Minute             // a camera that is lost must not look live for longer
	gapsPatience  = 3                       // the patience is so many times the distance between two frames
)

// rhythm measures the distance between the frames of a source, which decides when the source is lost. The zero value is ready.
//
// The session of a camera has a measure of its own, which decides when a new session is tried. It is the median of the last gaps,
// with the same factor. A new session does little harm, so the median is long enough. But a tile must not say "lost" between the
// frames of a camera with uneven gaps, so the distance here is that of the slow frames. It is never less than the median.
type rhythm struct {
	gaps    [8]time.Duration // the last gaps between two frames, in a ring
	count   int              // number of gaps that were added
	current time.Duration    // the patience for these gaps
}

// add adds the time between two frames.
func (r *rhythm) add(gap time.Duration) {
	r.gaps[r.count%len(r.gaps)] = gap
	r.count++
	r.current = min(max(gapsPatience*r.distance(), leastPatience), mostPatience)
}

// distance returns the second longest of the last gaps. So a slow camera is known after two gaps, and one interruption does not
// make a camera slow. While there are only one or two gaps, the result is the longest: they do not tell an interruption from a
// slow camera.
func (r *rhythm) distance() time.Duration {
	sorted := r.gaps
	last := sorted[:min(r.count, len(sorted))]
	slices.Sort(last)
	if len(last) < 3 {
		return last[len(last)-1]
	}
	return last[len(last)-2]
}

// patience returns how long after its last frame the source counts as lost.
func (r *rhythm) patience() time.Duration {
	if r.count == 0 {
		return firstPatience
	}
	return r.current
}
