// Package network bounds what the clients of one network may have of the server at a time. It knows addresses alone:
// neither what is counted nor who they are. [Shares] and [Listener] may be used concurrently.
package network

import (
	"net/netip"
	"sync"
)

// Of is whom an address, host:port, stands for: itself, or in IPv6 its /64, all of which is one customer's. Addresses
// that cannot be read count as one.
func Of(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := at.Addr().Unmap().WithZone(""), 64
	if addr.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(addr, bits).Masked()
}

// Shares count what each network has.
type Shares struct {
	most int

	mu sync.Mutex
	of map[netip.Prefix]int // above zero
}

// NewShares lets each network have so many.
func NewShares(most int) *Shares { return &Shares{most: most, of: map[netip.Prefix]int{}} }

// Take tells whether there is one more for a network, which has it then until it is given back.
func (s *Shares) Take(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[from] >= s.most {
		return false
	}
	s.of[from]++
	return true
}

// Spent tells whether the next one would be too many.
func (s *Shares) Spent(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[from] >= s.most
}

// GiveBack ends what one Take began.
func (s *Shares) GiveBack(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[from]--; s.of[from] == 0 {
		delete(s.of, from)
	}
}

// Networks is how many have any.
func (s *Shares) Networks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of)
}
