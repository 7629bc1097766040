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

// ordered sorts the candidates of an answer: those come first that the client most likely reaches. ICE tries all
// candidates, in any order. But some tools look only at the first one: FFmpeg 9 gives up if that is not a UDP
// candidate.
func ordered(answer string, r *http.Request) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("read our answer: %w", err)
	}
	requestRoute := routeOf(r)
	for _, m := range d.MediaDescriptions {
		sortCandidates(m.Attributes, requestRoute)
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write our answer: %w", err)
	}
	return string(text), nil
}

// sortCandidates sorts the candidates among the attributes. The candidates swap positions only with each other, so all
// other attributes stay where they are.
func sortCandidates(attributes []sdp.Attribute, by route) {
	var at []int
	var all []sdp.Attribute
	for i, a := range attributes {
		if a.IsICECandidate() {
			at, all = append(at, i), append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b sdp.Attribute) int { return slices.Compare(by.rank(a.Value), by.rank(b.Value)) })
	for i, a := range all {
		attributes[at[i]] = a
	}
}

// route is the pair of addresses of a request's connection.
type route struct{ from, to netip.Addr } // the client's and the server's; an invalid address is unknown

func routeOf(r *http.Request) route {
	var p route
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.from = at.Addr().Unmap()
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if at, err := netip.ParseAddrPort(local.String()); err == nil {
			p.to = at.Addr().Unmap()
		}
	}
	return p
}

// rank returns the numbers by which a candidate is sorted. The first number that differs decides; lower is better.
func (p route) rank(value string) []int {
	c, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return []int{worst}
	}
	address, err := netip.ParseAddr(c.Address())
	if err != nil {
		return []int{worst}
	}
	return []int{number(!c.NetworkType().IsUDP()), p.distance(address), number(address.Is6()), int(c.Component())}
}

const worst = 9 // the rank of a candidate that cannot be read

// distance guesses how far an address of the server is from the client; lower is nearer. Loopback addresses come last
// for two reasons. A client on this machine reaches the machine's other addresses too. And a request that comes from a
// proxy on this machine was made by a remote client.
func (p route) distance(a netip.Addr) int {
	switch {
	case a.IsLoopback():
		return 4
	case public(p.from) && public(a):
		return 0
	case a == p.to:
		return 1
	case public(a):
		return 2
	}
	return 3
}

func public(a netip.Addr) bool {
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate()
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
