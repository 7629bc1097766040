package peer

import (
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// addressFollower follows a client whose address changes while it is connected: a phone that leaves its Wi-Fi, a NAT
// that loses its mapping. ICE alone keeps the pair of the highest priority until it has been silent for so long that
// the connection has failed, although checks of the client keep coming from its new address.
//
// It is called by the one goroutine of its ICE agent.
type addressFollower struct {
	maxSilence time.Duration // of an address; the client has left it after that
	remotes    map[string]ice.Candidate
	followed   string // the address that it moved to; empty: none yet
}

func newAddressFollower(maxSilence time.Duration) *addressFollower {
	return &addressFollower{maxSilence: maxSilence, remotes: map[string]ice.Candidate{}}
}

// forgetAfter is the silence after which an address is forgotten.
const forgetAfter = time.Minute

// onBindingRequest is called with each authenticated check of the client. It tells whether to send over that pair from
// now on: when all other addresses are silent, and a response has come over this pair.
func (f *addressFollower) onBindingRequest(_ *stun.Message, _, remote ice.Candidate, pair *ice.CandidatePair) bool {
	address := remote.String()
	f.remotes[address] = remote
	for other, c := range f.remotes {
		silence := time.Since(c.LastReceived())
		switch {
		case other == address:
		case silence > forgetAfter:
			delete(f.remotes, other)
		case silence < f.maxSilence:
			return false
		}
	}
	if len(f.remotes) == 1 || f.followed == address || pair.ResponsesReceived() == 0 {
		return false
	}
	f.followed = address
	return true
}
