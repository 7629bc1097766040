package auth

import (
	"sync"

	"azulejo/signal/network"
	"azulejo/signal/refusal"
)

// maxWaiting bounds the connections of one network that have not joined yet. All clients of an office behind one NAT may
// reconnect at once.
const maxWaiting = 256

// Wait counts a client that is connected but in no room. It is for dialects whose clients connect before they join. The
// caller must call done, at least once, when the client has joined or is gone. The error is a [refusal.Error]. Wait
// does not block.
func (g *Guard) Wait(remote string) (done func(), err error) {
	from := network.Of(remote)
	if !g.waiting.Take(from) {
		return nil, refusal.New(CodeTooMany, "%d connections from this address have not joined yet; accepted are up to that", maxWaiting)
	}
	return sync.OnceFunc(func() { g.waiting.GiveBack(from) }), nil
}
