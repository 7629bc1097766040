package whip

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"azulejo/signal/refusal"
	"azulejo/signal/viewing"
)

// ending is the last event of a session.
type ending struct {
	Type    string `json:"type"`
	Code    string `json:"code"` // as of errors; "left" where the client ended it
	Message string `json:"message"`
}

func reason(err error, log *slog.Logger) ending {
	if errors.Is(err, errLeft) {
		return ending{"end", "left", "the client left"}
	}
	no := known(err, log)
	return ending{"end", no.Code, no.Message}
}

const (
	maxReaders = 4                // of one session's events; a client needs one
	writeWait  = 10 * time.Second // for one event to leave
)

// board is what a viewer was told: the newest of each kind, for those who read it now and those who will.
type board struct {
	mu      sync.Mutex
	newest  []viewing.Bulletin
	readers []*reader
}

// reader is one stream of events.
type reader struct {
	news *viewing.News
	gone chan struct{} // closed when another one took its place
}

func newBoard() *board { return &board{} }

// tell never blocks: a slow reader gets the newest of each kind.
func (b *board) tell(kind string, message any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = slices.DeleteFunc(b.newest, func(n viewing.Bulletin) bool { return n.Kind == kind })
	b.newest = append(b.newest, viewing.Bulletin{Kind: kind, Message: message})
	for _, r := range b.readers {
		r.news.Put(kind, message)
	}
}

func (b *board) end(e ending) { b.tell(e.Type, e) }

// read begins a stream with the newest of each kind. The oldest one makes place: it is likely to be one whose client
// is gone without a word.
func (b *board) read() *reader {
	r := &reader{viewing.NewNews(), make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.newest {
		r.news.Put(n.Kind, n.Message)
	}
	if len(b.readers) == maxReaders {
		close(b.readers[0].gone)
		b.readers = slices.Delete(b.readers, 0, 1)
	}
	b.readers = append(b.readers, r)
	return r
}

func (b *board) stop(r *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers = slices.DeleteFunc(b.readers, func(other *reader) bool { return other == r })
}

// events is GET of a viewer's events (https://html.spec.whatwg.org/multipage/server-sent-events.html): each has the
// message of the native dialect as its data. After end nothing follows.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	s, err := h.found(r)
	if err != nil {
		return err
	}
	if !accepts(r.Header, typeEvents) {
		return refusal.New(codeAccept, "events are %s, which Accept leaves out; accepted is one that does not", typeEvents)
	}
	from := s.board.read()
	defer s.board.stop(from)
	w.Header().Set("Content-Type", typeEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep them
	w.WriteHeader(http.StatusOK)
	to := stream{w, http.NewResponseController(w)}
	h.stream(r, to, from)
	_ = to.http.SetWriteDeadline(time.Time{}) // the next request on the connection has its own time
	return nil
}

// stream writes until the session, the client or the server has had enough.
func (h *Handler) stream(r *http.Request, to stream, from *reader) {
	beat := time.NewTicker(h.cfg.Beat)
	defer beat.Stop()
	last, err := false, to.write(": hello\n\n")
	for err == nil && !last {
		select {
		case <-from.news.Ready():
			last, err = to.all(from.news)
		case <-beat.C:
			err = to.write(":\n\n")
		case <-h.quiet.Done():
			last, err = true, to.event("end", reason(errClosing(), h.log))
		case <-from.gone:
			last = true
		case <-r.Context().Done():
			last = true
		}
	}
	if err != nil {
		h.log.Debug("events ended", "remote", r.RemoteAddr, "error", err)
	}
}

// stream is where events are written to.
type stream struct {
	w    http.ResponseWriter
	http *http.ResponseController
}

// all writes what there is and tells whether it was the last.
func (s stream) all(news *viewing.News) (bool, error) {
	for b, ok := news.Next(); ok; b, ok = news.Next() {
		if err := s.event(b.Kind, b.Message); err != nil || b.Kind == "end" {
			return true, err
		}
	}
	return false, nil
}

func (s stream) event(kind string, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("write event %s: %w", kind, err)
	}
	return s.write("event: " + kind + "\ndata: " + string(data) + "\n\n")
}

func (s stream) write(text string) error {
	if err := s.http.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.http.Flush()
}
