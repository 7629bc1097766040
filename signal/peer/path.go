package peer

import (
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// path follows a client whose address changes while it is connected: a phone that leaves its Wi-Fi, a NAT that
// forgets. ICE alone stays with the pair of the highest priority until nothing has come over it for so long
// that the connection has failed, though checks of the client keep coming from its new address.
//
// It is called by the one goroutine of its ICE agent.
type path struct {
	silence time.Duration // of an address after which the client is not there any more
	known   map[string]ice.Candidate
	now     string // where it was followed to; empty: nowhere yet
}

func newPath(silence time.Duration) *path {
	return &path{silence: silence, known: map[string]ice.Candidate{}}
}

// forgotten is when an address that nothing comes from is not remembered any longer.
const forgotten = time.Minute

// request sees each check of the client that was authenticated, and tells whether to send along that pair from
// now on: when it is the only one that anything comes over, and an answer has come over it too.
func (p *path) request(_ *stun.Message, _, remote ice.Candidate, pair *ice.CandidatePair) bool {
	at := remote.String()
	p.known[at] = remote
	for other, c := range p.known {
		quiet := time.Since(c.LastReceived())
		switch {
		case other == at:
		case quiet > forgotten:
			delete(p.known, other)
		case quiet < p.silence:
			return false
		}
	}
	if len(p.known) == 1 || p.now == at || pair.ResponsesReceived() == 0 {
		return false
	}
	p.now = at
	return true
}
