// Package network limits what all clients of one network use of the server at the same time, such as connections or
// relays. [Shares] counts for its caller. [Listener] limits TCP connections. Both are safe for concurrent use.
package network

import (
	"net/netip"
	"sync"
)

// Of returns the network of an address host:port. Each IPv4 address is a network of its own, a /32. The network of an IPv6
// address is its /64, because providers assign a /64 to one customer. For an address that cannot be parsed, Of returns the
// zero Prefix.
func Of(remote string) netip.Prefix {
	parsed, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := parsed.Addr().Unmap().WithZone(""), 64
	if addr.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(addr, bits).Masked()
}

// Shares counts how many of some limited resource each network holds.
type Shares struct {
	limit int // for each network

	mu     sync.Mutex
	counts map[netip.Prefix]int // only counts above zero
}

// NewShares makes Shares. Each network may hold up to limit.
func NewShares(limit int) *Shares { return &Shares{limit: limit, counts: map[netip.Prefix]int{}} }

// Take adds one to the count of a network. If the count has reached the limit, Take returns false and adds nothing. After
// a successful Take, the caller must call GiveBack once.
func (s *Shares) Take(network netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts[network] >= s.limit {
		return false
	}
	s.counts[network]++
	return true
}

// Spent tells whether the next Take of a network would fail.
func (s *Shares) Spent(network netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[network] >= s.limit
}

// GiveBack undoes one Take.
func (s *Shares) GiveBack(network netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts[network]--; s.counts[network] == 0 {
		delete(s.counts, network)
	}
}

// Networks returns the number of networks whose count is above zero.
func (s *Shares) Networks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.counts)
}
