package stomp

import (
	"net/http"
	"strings"
	"time"
)

// sockjs-go answers a poll before it has released the session. A client sends its next poll at once. If the session is
// still not released, that poll gets "Another connection still open", which ends the session. So a request that meets
// such a busy session is served again, for up to 1 s.

const (
	retryPause = 2 * time.Millisecond // the first pause; each later one is twice as long as the one before
	retryFor   = farewell
)

// serveAgain serves a request by which SockJS writes to the client. It repeats that until the session is not busy, or
// retryFor is over.
func serveAgain(next http.Handler, w *writer, r *http.Request) {
	start, pause := time.Now(), retryPause
	for {
		w.restart(time.Since(start) < retryFor)
		next.ServeHTTP(w, r)
		if !w.busy {
			return
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-r.Context().Done():
			return
		}
	}
}

// attempt is one attempt of serveAgain. The response of each attempt starts with the same writes as those of the
// earlier attempts.
type attempt struct {
	more    bool // another attempt may follow, so a busy frame is held back
	busy    bool // a busy frame was held back
	written int  // writes that the client has received
	skip    int  // writes of this attempt that the client received from an earlier one
}

func (a *attempt) restart(more bool) { a.more, a.busy, a.skip = more, false, a.written }

// allow tells whether the next write of the response goes to the client. After a busy frame no write does.
func (a *attempt) allow(data string) bool {
	switch {
	case a.busy:
		return false
	case a.more && busyFrame(data):
		a.busy = true
		return false
	case a.skip > 0:
		a.skip--
		return false
	}
	a.written++
	return true
}

// busyFrame recognizes the frame "Another connection still open" as xhr, eventsource and htmlfile write it. No message
// starts with the same bytes.
func busyFrame(data string) bool {
	for _, prefix := range []string{"c[2010,", "data: c[2010,", "<script>\np(\"c[2010,"} {
		if strings.HasPrefix(data, prefix) {
			return true
		}
	}
	return false
}
