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

// ordered is an answer with those of our candidates first that the client will most likely reach. ICE tries all of them
// whatever their order, but there are tools that only look at the first: FFmpeg 9 gives up where it is no UDP.
func ordered(answer string, r *http.Request) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("read our answer: %w", err)
	}
	p := pathOf(r)
	for _, m := range d.MediaDescriptions {
		sortCandidates(m.Attributes, p)
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write our answer: %w", err)
	}
	return string(text), nil
}

// sortCandidates moves candidates among their own places.
func sortCandidates(attributes []sdp.Attribute, p way) {
	var at []int
	var all []sdp.Attribute
	for i, a := range attributes {
		if a.IsICECandidate() {
			at, all = append(at, i), append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b sdp.Attribute) int { return slices.Compare(p.rank(a.Value), p.rank(b.Value)) })
	for i, a := range all {
		attributes[at[i]] = a
	}
}

// way is how a request came.
type way struct{ from, to netip.Addr } // not valid: unknown

func pathOf(r *http.Request) way {
	var p way
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

// rank is compared number by number; less is better.
func (p way) rank(value string) []int {
	c, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return []int{last}
	}
	address, err := netip.ParseAddr(c.Address())
	if err != nil {
		return []int{last}
	}
	return []int{truth(!c.NetworkType().IsUDP()), p.distance(address), truth(address.Is6()), int(c.Component())}
}

const last = 9

// distance guesses how far an address of ours is for the client. The loopback interface is last: who is on this
// machine reaches its other addresses too, and a proxy on this machine speaks for others.
func (p way) distance(a netip.Addr) int {
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

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
