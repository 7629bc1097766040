package auth

import (
	"net/netip"
	"sync"

	"azulejo/signal/refusal"
)

// maxWaiting is how many connections of one network may have been opened without having been let in: an office behind
// one NAT comes back at once.
const maxWaiting = 256

// waiting counts who stands in a door.
type waiting struct {
	mu   sync.Mutex
	from map[netip.Prefix]int
}

// Wait is for dialects whose clients are connected before they say what they want. It returns what to call, once or
// more often, when the client is in or gone; the error is a [refusal.Error]. It does not block.
func (g *Guard) Wait(remote string) (done func(), err error) {
	w, from := &g.waiting, networkOf(remote)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.from[from] >= maxWaiting {
		return nil, refusal.New(CodeTooMany, "%d connections from this address have not joined yet; accepted are up to that", maxWaiting)
	}
	w.from[from]++
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.from[from]--; w.from[from] == 0 {
			delete(w.from, from)
		}
	}), nil
}
