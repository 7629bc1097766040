package camera

import (
	"fmt"
	"log/slog"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// journal logs the life of one stream: one line when its trouble begins, and one when the stream is live again. Only one
// goroutine may use it at a time.
type journal struct {
	log   *slog.Logger
	since time.Time // when the stream was started, or when its trouble began
	live  time.Time // when "camera live" was logged; zero: since then the stream was in trouble
	lost  bool      // "camera lost" was logged since then
	tries int       // sessions that failed since then
	flaps int       // times in a row that the stream was live for less than calmAfter
}

// How long a stream must be live.
const (
	liveAfter = 3 * time.Second // before that is logged
	calmAfter = time.Minute     // before its next trouble is one of its own
)

// failed notes that a session failed. Its last picture came at stopped.
func (j *journal) failed(f *Failure, stopped time.Time) {
	if !j.live.IsZero() {
		j.since, j.live, j.lost, j.tries = stopped, time.Time{}, false, 0
	}
	j.tries++
	if !j.lost {
		j.lost = true
		j.log.Warn("camera lost", "reason", f.Reason, "detail", f.Error())
	}
}

// flowed notes how long the pictures of a session came.
func (j *journal) flowed(d time.Duration) {
	if d < calmAfter {
		j.flaps++
	} else {
		j.flaps = 0
	}
}

// steadyAfter returns how long the stream must bring pictures before they count as lasting: longer with each session that
// ended soon, so that a stream that comes and goes moves no tile and fills no log.
func (j *journal) steadyAfter() time.Duration {
	if j.flaps == 0 {
		return 0
	}
	return min(2*time.Second<<min(j.flaps, 5), calmAfter)
}

// flowing notes that pictures have come since start, and logs it once they last. fps is zero if it is unknown.
func (j *journal) flowing(start, now time.Time, format videoFormat, fps float64) {
	if !j.live.IsZero() || now.Sub(start) < max(liveAfter, j.steadyAfter()) {
		return
	}
	j.live = now
	args := []any{"codec", format.codec}
	if format.width > 0 {
		args = append(args, "size", fmt.Sprintf("%dx%d", format.width, format.height))
	}
	if fps > 0 {
		args = append(args, "fps", fmt.Sprintf("%.3g", fps))
	}
	j.log.Info("camera live", append(args, "away", start.Sub(j.since).Round(100*time.Millisecond), "tries", j.tries)...)
}

// videoFormat is what a keyframe tells of its stream.
type videoFormat struct {
	codec         mixer.Codec
	width, height int // zero: unknown
}

// formatOf reads the format from a keyframe.
func formatOf(p mixer.Packet) videoFormat {
	f := videoFormat{codec: p.Codec}
	if head, ok := keyframe.Read(p); ok {
		f.width, f.height = head.Width, head.Height
	}
	return f
}
