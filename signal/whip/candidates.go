package whip

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/pion/ice/v4"
	"github.com/pion/sdp/v3"
)

// ordered returns the answer with sorted candidates. The candidate that the client can most likely reach comes first. ICE
// tries all candidates, in any order. But some tools use only the first candidate: FFmpeg 9 gives up if the first candidate
// is not UDP.
func ordered(answer string, r *http.Request) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("read our answer: %w", err)
	}
	addresses := addressesOf(r)
	for _, m := range d.MediaDescriptions {
		sortCandidates(m.Attributes, addresses)
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write our answer: %w", err)
	}
	return string(text), nil
}

// sortCandidates sorts the candidates among the attributes. All other attributes keep their positions.
func sortCandidates(attributes []sdp.Attribute, addresses addressPair) {
	var positions []int
	var candidates []sdp.Attribute
	for i, a := range attributes {
		if a.IsICECandidate() {
			positions, candidates = append(positions, i), append(candidates, a)
		}
	}
	slices.SortStableFunc(candidates, func(a, b sdp.Attribute) int {
		return slices.Compare(addresses.rank(a.Value), addresses.rank(b.Value))
	})
	for i, a := range candidates {
		attributes[positions[i]] = a
	}
}

// addressPair has the two addresses of the connection on which a request came. An address that is not known is invalid.
type addressPair struct{ client, server netip.Addr }

func addressesOf(r *http.Request) addressPair {
	var p addressPair
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.client = remote.Addr().Unmap()
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if address, err := netip.ParseAddrPort(local.String()); err == nil {
			p.server = address.Addr().Unmap()
		}
	}
	return p
}

// rank returns the numbers by which a candidate is sorted. The first number that differs decides. The lower number comes
// first.
func (p addressPair) rank(value string) []int {
	c, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return []int{worst}
	}
	address, err := netip.ParseAddr(c.Address())
	if err != nil {
		return []int{worst}
	}
	return []int{toInt(!c.NetworkType().IsUDP()), p.distance(address), toInt(address.Is6()), int(c.Component())}
}

const worst = 9 // the rank of a candidate that cannot be parsed; larger than the first number of every other rank

// distance estimates how likely the client can reach an address of the server. 0 is most likely, 4 least. Loopback addresses
// come last for two reasons. A client on this machine can also reach the other addresses of this machine. And a request
// from a loopback address may come from a proxy, whose client is on another machine.
func (p addressPair) distance(a netip.Addr) int {
	switch {
	case a.IsLoopback():
		return 4
	case public(p.client) && public(a):
		return 0
	case a == p.server:
		return 1
	case public(a):
		return 2
	}
	return 3
}

// public tells whether an address is not private, not loopback and not link-local.
func public(a netip.Addr) bool {
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate()
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
