package engine

import (
	"time"

	"azulejo/mixer"
)

// skipFilterFor is how long after a keyframe the loop filter may be skipped. Without the filter, decoded frames have an error,
// which grows with every frame that is predicted from others. After this time a keyframe is requested, and the filter is used
// until the keyframe comes.
const skipFilterFor = 10 * time.Second

// loopFilter decides for each frame whether the decoder skips the loop filter (deblocking).
type loopFilter struct {
	keyframeAt time.Time // when the last keyframe came
	skipped    bool      // the filter was skipped since the last keyframe
	requested  bool      // a keyframe was requested since the last keyframe
}

// decide returns whether to skip the filter for the next packet, and whether to request a keyframe. key says whether the packet
// is a keyframe. The filter is skipped if frames are shrunk to half their width and height or less, and the last keyframe came
// at most skipFilterFor ago. A keyframe is requested in two cases. In the first case, the tile has grown after the filter was
// skipped, so the error has become visible. In the second case, the tile is small but skipFilterFor has passed, so the filter
// can be skipped again only after a keyframe.
func (l *loopFilter) decide(key bool, u videoUse, frame mixer.Size, now time.Time) (skip, request bool) {
	if key {
		*l = loopFilter{keyframeAt: now}
	}
	small := u.w > 0 && u.scale(frame) <= 0.5
	expired := now.Sub(l.keyframeAt) > skipFilterFor
	request = (l.skipped && !small || small && expired) && !l.requested
	l.requested = l.requested || request
	skip = small && !expired
	l.skipped = l.skipped || skip
	return skip, request
}
