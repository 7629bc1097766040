package engine

import (
	"time"

	"azulejo/mixer"
)

// filterFor is how long after a keyframe the loop filter may be skipped: the error grows with every frame that is
// predicted from others. After that time a keyframe is requested, and the filter is used until it comes.
const filterFor = 10 * time.Second

// loopFilter decides about deblocking, frame by frame.
type loopFilter struct {
	key       time.Time // of the last keyframe
	skipped   bool      // since then
	requested bool      // a new keyframe, since then
}

// decide tells whether to skip the filter for the next packet, and whether to request a keyframe. A tile that has grown
// shows the error of skipped filtering. A small tile can skip the filter again after a keyframe.
func (l *loopFilter) decide(key bool, u videoUse, frame mixer.Size, now time.Time) (skip, request bool) {
	if key {
		*l = loopFilter{key: now}
	}
	small := u.w > 0 && u.scale(frame) <= 0.5
	expired := now.Sub(l.key) > filterFor
	request = (l.skipped && !small || small && expired) && !l.requested
	l.requested = l.requested || request
	skip = small && !expired
	l.skipped = l.skipped || skip
	return skip, request
}
