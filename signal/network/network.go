// Package network bounds how much of the server the clients of one network may use at a time. It knows only addresses,
// and not what is counted. [Shares] and [Listener] are safe for concurrent use.
package network

import (
	"net/netip"
	"sync"
)

// Of returns the network of an address, host:port. An IPv4 address is a network of its own. The network of an IPv6
// address is its /64, which providers assign to one customer. All addresses that cannot be parsed are in one network.
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

// Shares count how much each network holds of something limited.
type Shares struct {
	most int // of one network

	mu sync.Mutex
	of map[netip.Prefix]int // the counts that are above zero
}

// NewShares makes Shares that allow each network to hold at most the given number.
func NewShares(most int) *Shares { return &Shares{most: most, of: map[netip.Prefix]int{}} }

// Take adds one to the count of a network, until GiveBack. It returns false if the network has reached the limit
// already.
func (s *Shares) Take(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[from] >= s.most {
		return false
	}
	s.of[from]++
	return true
}

// Spent tells whether the next Take would fail.
func (s *Shares) Spent(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[from] >= s.most
}

// GiveBack undoes one Take.
func (s *Shares) GiveBack(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[from]--; s.of[from] == 0 {
		delete(s.of, from)
	}
}

// Networks returns the number of networks that hold anything.
func (s *Shares) Networks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of)
}
