package peer

import (
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// addressFollower changes the selected candidate pair when a connected client gets another address: a phone leaves its
// Wi-Fi, or a NAT loses its mapping. Without it, pion keeps the pair of the highest priority until the connection has
// failed, although the client sends checks from its new address.
//
// Each connection has one. Only the goroutine of the connection's ICE agent uses it.
type addressFollower struct {
	maxSilence   time.Duration            // an address that is silent for longer is no longer the client's
	remotes      map[string]ice.Candidate // the client's addresses, by candidate.String()
	lastFollowed string                   // the address that was selected last by onBindingRequest; empty: none
}

func newAddressFollower(maxSilence time.Duration) *addressFollower {
	return &addressFollower{maxSilence: maxSilence, remotes: map[string]ice.Candidate{}}
}

// forgetAfter is how long an address must be silent to be removed from remotes.
const forgetAfter = time.Minute

// onBindingRequest reports whether pion must select pair. The result is true once for each change of the client's address.
// All other addresses of the client must be silent, and the client must have answered a check over pair. pion calls
// onBindingRequest with each authenticated check of the client.
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
	if len(f.remotes) == 1 || f.lastFollowed == address || pair.ResponsesReceived() == 0 {
		return false
	}
	f.lastFollowed = address
	return true
}
