package whip

import (
	"errors"
	"log/slog"
	"slices"
	"sync"

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

// maxReaders is how many there may be of one session's events; a client needs one.
const maxReaders = 4

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
