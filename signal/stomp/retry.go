package stomp

import (
	"net/http"
	"strings"
	"time"
)

// sockjs-go answers a poll before it releases the session for the next poll. A client may send its next poll before that. This
// poll then finds the session busy and gets the SockJS frame "Another connection still open", which ends the session on the
// client. So serveWithRetry serves such a request again, for up to 1 s.

const (
	retryPause = 2 * time.Millisecond // the first pause; each later pause is twice as long as the previous one
	retryFor   = finalWait
)

// serveWithRetry passes a request to next. If the SockJS session was busy, it does so again after a pause, until the session
// is not busy or the time retryFor is over.
func serveWithRetry(next http.Handler, w *writer, r *http.Request) {
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

// attempt filters the writes of the present attempt of serveWithRetry. Each attempt starts with the same writes as the attempts
// before it. The client must receive them only once.
type attempt struct {
	more    bool // another attempt may follow, so a busy frame is not sent
	busy    bool // a busy frame was not sent
	written int  // the number of writes that the client has received, in all attempts
	skip    int  // the number of next writes that the client has received in an earlier attempt
}

// restart begins a new attempt.
func (a *attempt) restart(more bool) { a.more, a.busy, a.skip = more, false, a.written }

// allow tells whether to send the next write of the response to the client. After a busy frame it returns false.
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

// busyFrame tells whether data is the SockJS frame "Another connection still open", in the form of the transports xhr,
// eventsource or htmlfile. No other frame starts with the same bytes.
func busyFrame(data string) bool {
	for _, prefix := range []string{"c[2010,", "data: c[2010,", "<script>\np(\"c[2010,"} {
		if strings.HasPrefix(data, prefix) {
			return true
		}
	}
	return false
}
