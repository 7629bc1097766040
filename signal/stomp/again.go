package stomp

import (
	"net/http"
	"strings"
	"time"
)

// sockjs-go ends a poll before it has forgotten it. The client's next one, which comes at once, then finds "Another
// connection still open", which ends the session. So what receives is tried again for a moment before that is
// believed.

const (
	againAfter = 2 * time.Millisecond // the first time; twice as long each time after it
	againUntil = farewell
)

// receiving serves a request by which SockJS writes to the client.
func receiving(next http.Handler, w *writer, r *http.Request) {
	begin, pause := time.Now(), againAfter
	for {
		w.attempt(time.Since(begin) < againUntil)
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

// opening is what a response begins with, before the first frame.
type opening struct {
	again   bool // busy frames are held back, and the request is tried again
	busy    bool // one was
	written int  // parts that the client has
	skip    int  // parts of this attempt that it has already
}

func (o *opening) attempt(again bool) { o.again, o.busy, o.skip = again, false, o.written }

// pass tells whether the next part of the response is for the client. Parts that come after a busy frame belong to
// nobody.
func (o *opening) pass(part string) bool {
	switch {
	case o.busy:
		return false
	case o.again && busyFrame(part):
		o.busy = true
		return false
	case o.skip > 0:
		o.skip--
		return false
	}
	o.written++
	return true
}

// busyFrame tells whether a part is the frame, as xhr, eventsource and htmlfile write it. Messages never begin so.
func busyFrame(part string) bool {
	for _, begin := range []string{"c[2010,", "data: c[2010,", "<script>\np(\"c[2010,"} {
		if strings.HasPrefix(part, begin) {
			return true
		}
	}
	return false
}
