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

func endOf(err error, log *slog.Logger) endEvent {
	if errors.Is(err, session.ErrLeft) {
		return endEvent{"end", "left", "the client left"}
	}
	e := refusalOf(err, log)
	return endEvent{"end", e.Code, e.Message}
}

// maxReaders bounds the streams of one session's events; a client needs one.
const maxReaders = 4

// board keeps the newest event of each kind for one viewer. It sends each event to the present readers, and the newest
// ones to a reader that comes later.
type board struct {
	mu      sync.Mutex
	newest  []viewing.Message
	readers []*reader // the oldest first
}

// reader is one stream of events.
type reader struct {
	events *viewing.Outbox
	gone   chan struct{} // closed when another reader took its place
}

func newBoard() *board { return &board{} }

// publish never blocks: a slow reader gets the newest event of each kind.
func (b *board) publish(kind string, message any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = slices.DeleteFunc(b.newest, func(m viewing.Message) bool { return m.Kind == kind })
	b.newest = append(b.newest, viewing.Message{Kind: kind, Body: message})
	for _, r := range b.readers {
		r.events.Push(kind, message)
	}
}

func (b *board) finish(e endEvent) { b.publish(e.Type, e) }

// subscribe makes a reader that gets the newest event of each kind first. If there are too many readers, it ends the
// oldest one, whose client has probably vanished.
func (b *board) subscribe() *reader {
	r := &reader{viewing.NewOutbox(), make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.newest {
		r.events.Push(m.Kind, m.Body)
	}
	if len(b.readers) == maxReaders {
		close(b.readers[0].gone)
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
