package auth

import (
	"sync"

	"azulejo/signal/network"
	"azulejo/signal/refusal"
)

// maxWaiting is how many connections of one network may have been opened without having been let in: an office behind
// one NAT comes back at once.
const maxWaiting = 256

// Wait is for dialects whose clients are connected before they say what they want. It returns what to call, once or
// more often, when the client is in or gone; the error is a [refusal.Error]. It does not block.
func (g *Guard) Wait(remote string) (done func(), err error) {
	from := network.Of(remote)
	if !g.waiting.Take(from) {
		return nil, refusal.New(CodeTooMany, "%d connections from this address have not joined yet; accepted are up to that", maxWaiting)
	}
	return sync.OnceFunc(func() { g.waiting.GiveBack(from) }), nil
}
