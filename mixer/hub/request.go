package hub

import (
	"context"
	"fmt"
	"sync"

	"azulejo/mixer"
)

// reply is the answer to a request. stats is set only for GetStats.
type reply struct {
	err   error
	stats mixer.Stats
}

// requests holds the requests that wait for their answers. The zero value is ready.
type requests struct {
	mu      sync.Mutex
	pending map[mixer.RequestID]chan reply
	closed  bool
}

// open adds a request and returns the channel that gets its answer. It returns nil after close.
func (r *requests) open(id mixer.RequestID) chan reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	if r.pending == nil {
		r.pending = map[mixer.RequestID]chan reply{}
	}
	c := make(chan reply, 1)
	r.pending[id] = c
	return c
}

// answer removes a request and sends a to its channel. The answer to an unknown request is discarded.
func (r *requests) answer(id mixer.RequestID, a reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.pending[id]; c != nil {
		c <- a
		delete(r.pending, id)
	}
}

// drop removes a request, which then gets no answer.
func (r *requests) drop(id mixer.RequestID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, id)
}

// close answers all waiting requests with mixer.ErrClosed. After close, open accepts no request.
func (r *requests) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for id, c := range r.pending {
		c <- reply{err: errClosed()}
		delete(r.pending, id)
	}
}

func errClosed() error { return fmt.Errorf("ask the engine: %w", mixer.ErrClosed) }

// ask sends a request and waits for its answer, at most until ctx ends. command makes the request with the given number.
func (h *Hub) ask(ctx context.Context, command func(mixer.RequestID) mixer.Command) (reply, error) {
	id := mixer.RequestID(h.ids.Add(1))
	answered := h.requests.open(id)
	if answered == nil {
		return reply{}, errClosed()
	}
	h.engine.Send(command(id))
	select {
	case a := <-answered:
		return a, a.err
	case <-ctx.Done():
		h.requests.drop(id)
		return reply{}, ctx.Err()
	}
}
