package camera

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"azulejo/mixer"
)

// retry decides how long to wait before the next session of a stream.
type retry struct {
	tries int // failed sessions since the last one that brought frames
}

// Limits of the pauses between sessions.
const (
	reopenAfter    = 5 * time.Second // a session that brought frames for this time is opened again without a pause
	hostPause      = time.Second     // while the host takes no connection
	unknownPause   = 5 * time.Second // at most, while the host's name is unknown
	forbiddenPause = time.Minute     // at least, if the server denies access: it answers the same to every try
	randomPart     = 0.1             // by which a pause is longer or shorter, so that cameras do not all come at once
	longestReopen  = 200 * time.Millisecond
)

// pause returns how long to wait after a session that ended with err. brought tells whether the session brought frames.
// lasted is how long frames came, or else how long the session took to fail.
//
// While the host takes no TCP connection, there is a try every second: such a try costs one packet, and the camera is back
// at once when its server returns, even after hours. A connection that takes longer than 2 s is given up. As soon as the
// host answers, and the session fails nevertheless, the pauses grow.
func (r *retry) pause(err error, brought bool, lasted time.Duration) time.Duration {
	if brought || silentHost(err) {
		r.tries = 0
	}
	switch {
	case brought && lasted >= reopenAfter:
		return rand.N(longestReopen)
	case silentHost(err):
		return max(random(hostPause)-lasted, 0)
	}
	d := backoff(r.tries)
	r.tries++
	switch failureOf(err).Reason {
	case mixer.ReasonUnknownHost:
		d = min(d, unknownPause)
	case mixer.ReasonForbidden:
		d = max(d, forbiddenPause)
	}
	return random(d)
}

// silentHost tells whether the host takes no TCP connection, or takes one and never answers. A try at a host that never
// answers takes seconds, so it needs no pause: the next one waits for the answer already when the host comes back.
func silentHost(err error) bool {
	return unconnected(err) || failureOf(err).Reason == mixer.ReasonTimeout
}

// unconnected tells whether err says that no TCP connection could be made.
func unconnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" && !errors.As(err, &dns)
}

// random returns d, up to randomPart longer or shorter.
func random(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*randomPart*float64(d))
}

// backoff returns the usual pause after a failed try: 1 s five times, 5 s five times, 10 s ten times, then a minute.
func backoff(try int) time.Duration {
	switch {
	case try < 5:
		return time.Second
	case try < 10:
		return 5 * time.Second
	case try < 20:
		return 10 * time.Second
	}
	return time.Minute
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
