package whip

import (
	"errors"
	"log/slog"
	"slices"
	"sync"

	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// endEvent is the last event of a session.
type endEvent struct {
	Type    string `json:"type"`
	Code    string `json:"code"` // the code of the error; "left" if the client ended the session
	Message string `json:"message"`
}

// endOf returns the last event of a session that ends for the reason err.
func endOf(err error, log *slog.Logger) endEvent {
	if errors.Is(err, session.ErrLeft) {
		return endEvent{"end", "left", "the client left"}
	}
	e := refusalOf(err, log)
	return endEvent{"end", e.Code, e.Message}
}

// maxReaders is the largest number of readers of one session's events. A client needs only one.
const maxReaders = 4

// board distributes the events of one WHEP session to its readers. It keeps the newest event of each kind for readers that
// subscribe later. All methods are safe for concurrent use.
type board struct {
	mu      sync.Mutex
	newest  []viewing.Message // one of each kind
	readers []*reader         // the oldest first
}

// reader is the subscription of one response that streams events.
type reader struct {
	events   *viewing.Outbox
	replaced chan struct{} // closed when there are too many readers; the stream must end then
}

func newBoard() *board { return &board{} }

// publish sends an event to all readers. It never blocks. A slow reader misses events that are older than the newest one of
// their kind.
func (b *board) publish(kind string, message any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = slices.DeleteFunc(b.newest, func(m viewing.Message) bool { return m.Kind == kind })
	b.newest = append(b.newest, viewing.Message{Kind: kind, Body: message})
	for _, r := range b.readers {
		r.events.Push(kind, message)
	}
}

// finish publishes the last event.
func (b *board) finish(e endEvent) { b.publish(e.Type, e) }

// subscribe makes a reader. The reader first gets the newest event of each kind. If there are maxReaders already, subscribe
// ends the oldest one, whose client has probably vanished.
func (b *board) subscribe() *reader {
	r := &reader{viewing.NewOutbox(), make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.newest {
		r.events.Push(m.Kind, m.Body)
	}
	if len(b.readers) == maxReaders {
		close(b.readers[0].replaced)
		b.readers = slices.Delete(b.readers, 0, 1)
	}
	b.readers = append(b.readers, r)
	return r
}

func (b *board) unsubscribe(r *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers = slices.DeleteFunc(b.readers, func(other *reader) bool { return other == r })
}
