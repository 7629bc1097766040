package camera

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// When a session that goes on is ended, because a new one brings pictures sooner.
const (
	stallAfter    = 5 * time.Second         // without a whole picture
	stallFactor   = 3                       // times the camera's own distance between pictures, if that is longer
	longestLapse  = time.Minute             // the longest distance between pictures that counts
	keyframeAfter = 2 * time.Second         // without a keyframe after a loss
	requestLasts  = 1500 * time.Millisecond // the mixer repeats a request for a keyframe every second while it needs one
	shortGOP      = 4 * time.Second         // the keyframe of a shorter GOP comes soon enough by itself
	renewEvery    = 30 * time.Second        // at least, between two sessions that are ended for a keyframe
)

// rhythm is what the sessions of one stream have told of its pictures. Only one session's watch uses it at a time.
type rhythm struct {
	lapses   []time.Duration // between the last pictures; at most rhythmLapses
	patience time.Duration   // how long sessions wait for their second picture; it grows with each that waits in vain
	gop      time.Duration   // between the last two keyframes; zero: unknown
	renewed  time.Time       // when a session was last ended for a keyframe
}

// rhythmLapses is how many distances between pictures are kept.
const rhythmLapses = 9

// add adds the distance between two pictures.
func (r *rhythm) add(lapse time.Duration) {
	if len(r.lapses) == rhythmLapses {
		r.lapses = append(r.lapses[:0], r.lapses[1:]...)
	}
	r.lapses = append(r.lapses, min(lapse, longestLapse))
}

// lapse returns the usual distance between pictures: the median of the last ones; zero if it is not known.
func (r *rhythm) lapse() time.Duration {
	if len(r.lapses) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.lapses))
	return sorted[len(sorted)/2]
}

// watch notices that a session brings no picture any more, or that it cannot go on before a far keyframe. It is safe for
// concurrent use.
type watch struct {
	mu       sync.Mutex
	rhythm   *rhythm
	playing  time.Time // when the server began to play; zero: it has not
	pictures int       // that came in this session
	first    time.Time // when the first picture came
	last     time.Time // when the last picture came
	key      time.Time // when the last keyframe came; zero: none in this session
	lost     time.Time // when the first picture after a loss came, since the last keyframe; zero: none was lost
}

// begin notes that the server plays: from now on pictures are due. A session that tries several transports plays several
// times.
func (w *watch) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pictures == 0 {
		w.playing = now
	}
}

// picture notes a whole picture.
func (w *watch) picture(p mixer.Packet, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.playing.IsZero() {
		w.playing = now
	}
	if w.pictures++; w.pictures > 1 {
		w.rhythm.add(now.Sub(w.last))
		w.rhythm.patience = 0
	}
	if w.last = now; w.pictures == 1 {
		w.first = now
	}
	switch {
	case p.Key:
		if !w.key.IsZero() {
			w.rhythm.gop = now.Sub(w.key)
		}
		w.key, w.lost = now, time.Time{}
	case p.Lost && w.lost.IsZero():
		w.lost = now
	}
}

// rate returns the pictures per second of this session; zero if it is not known.
func (w *watch) rate() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lasted := w.last.Sub(w.first); lasted > 0 {
		return float64(w.pictures-1) / lasted.Seconds()
	}
	return 0
}

// lapse returns the usual distance between the camera's pictures; zero if it is not known.
func (w *watch) lapse() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rhythm.lapse()
}

// ended returns when the pictures of a session that has ended stopped: now if none came.
func (w *watch) ended(now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pictures == 0 {
		return now
	}
	return w.last
}

// keyless returns how long pictures have come without a first keyframe.
func (w *watch) keyless(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pictures == 0 || !w.key.IsZero() {
		return 0
	}
	return now.Sub(w.playing)
}

// check returns why the session must end now, nil if it may go on. Then next is when to check again. requested is when the
// mixer last requested a keyframe.
func (w *watch) check(now, requested time.Time) (ended *Failure, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next = now.Add(time.Second)
	if w.playing.IsZero() {
		return nil, next
	}
	since := w.playing
	if w.pictures > 0 {
		since = w.last
	}
	due := since.Add(w.limit())
	switch {
	case !now.Before(due):
		return w.stalled(now.Sub(since)), now
	case w.stuck(now, requested):
		w.rhythm.renewed = now
		return fail(mixer.ReasonNoKeyframe, "packets were lost, and the next keyframe is far"), now
	case due.Before(next):
		return nil, due
	}
	return nil, next
}

// limit returns how long a picture may take. Before the second picture of a session it is as long as it takes some cameras
// to send two: a camera that sends one picture in ten seconds is given twice the time with each session.
func (w *watch) limit() time.Duration {
	limit := max(stallAfter, stallFactor*w.rhythm.lapse())
	if w.pictures < 2 {
		return max(limit, w.rhythm.patience)
	}
	return limit
}

// stalled returns the failure of a session whose pictures have stopped for d.
func (w *watch) stalled(d time.Duration) *Failure {
	if w.pictures < 2 {
		w.rhythm.patience = min(2*w.limit(), longestLapse)
	}
	if w.pictures == 0 {
		return fail(mixer.ReasonNoData, fmt.Sprintf("the server plays, but no picture came for %.0f s", d.Seconds()))
	}
	return fail(mixer.ReasonStalled, fmt.Sprintf("the session goes on, but no whole picture came for %.0f s", d.Seconds()))
}

// stuck tells whether the mixer waits for a keyframe after a loss, and a new session brings it sooner than the camera
// does. That is so only if the camera starts its sessions with a keyframe, as this one did.
func (w *watch) stuck(now, requested time.Time) bool {
	return !w.lost.IsZero() && now.Sub(w.lost) >= keyframeAfter && now.Sub(requested) <= requestLasts &&
		!w.key.IsZero() && max(w.rhythm.gop, now.Sub(w.key)) >= shortGOP && now.Sub(w.rhythm.renewed) >= renewEvery
}
