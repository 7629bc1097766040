package auth

import (
	"sync"

	"azulejo/signal/network"
	"azulejo/signal/refusal"
)

// maxWaiting is the largest number of connected clients of one network that are in no room. It is enough for all clients
// of an office behind one NAT, which may reconnect at the same time.
const maxWaiting = 256

// Wait counts a connected client that is in no room, or refuses it if its network has too many of them. Dialects whose
// clients connect before they join call it. The caller must call done when the client has joined or its connection has
// ended; more calls of done have no effect. The error is a [refusal.Error]. Wait does not block.
func (g *Guard) Wait(remote string) (done func(), err error) {
	prefix := network.Of(remote)
	if !g.waiting.Take(prefix) {
		return nil, refusal.New(CodeTooMany, "%d connections from this address have not joined yet; accepted are up to that", maxWaiting)
	}
	return sync.OnceFunc(func() { g.waiting.GiveBack(prefix) }), nil
}
