package turn

import (
	"net"
	"net/netip"
	"slices"
)

// special are prefixes that are not reachable on the internet (IANA's special-purpose registries), or that embed another
// address. netip knows private, loopback, link-local, multicast and unspecified addresses.
var special = []netip.Prefix{ // a constant table
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // behind a carrier's NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),  // reserved, and broadcast
	netip.MustParsePrefix("::/96"),        // deprecated IPv4-compatible IPv6
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and others
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("fec0::/10"), // site-local
}

// policy decides with which peers relays exchange packets. On this machine, only the media ports and other relays are
// allowed. The policy keeps the addresses that this machine had when the policy was made.
type policy struct {
	allow  []netip.Prefix
	own    []netip.Addr           // all addresses of this machine, also its public ones
	media  []netip.AddrPort       // the addresses and ports that receive media
	relays []netip.Addr           // addresses of the relays
	relay  func(port uint16) bool // tells whether a relay has the port
}

// host tells whether an address may be that of a peer, with any port. An IPv4-mapped address counts as the IPv4
// address.
func (p *policy) host(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast():
		return false
	case p.allowed(ip) || slices.Contains(p.relays, ip):
		return true
	case slices.Contains(p.own, ip):
		return slices.ContainsFunc(p.media, func(at netip.AddrPort) bool { return at.Addr() == ip })
	}
	return isPublic(ip)
}

// peer tells whether relays exchange packets with an address and port.
func (p *policy) peer(at netip.AddrPort) bool {
	at = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	switch {
	case at.Port() == 0 || !p.host(at.Addr()):
		return false
	case p.allowed(at.Addr()) || !slices.Contains(p.own, at.Addr()):
		return true
	case slices.Contains(p.media, at):
		return true
	}
	return slices.Contains(p.relays, at.Addr()) && p.relay(at.Port())
}

func (p *policy) allowed(ip netip.Addr) bool {
	return slices.ContainsFunc(p.allow, func(prefix netip.Prefix) bool { return prefix.Contains(ip) })
}

// isPublic tells whether an address is reachable on the internet.
func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(special, func(prefix netip.Prefix) bool { return prefix.Contains(ip) })
}

// newPolicy makes the policy of cfg, with the present addresses of this machine.
func newPolicy(cfg Config, relays []netip.Addr, relay func(port uint16) bool) (*policy, error) {
	p := &policy{relays: relays, relay: relay}
	for _, text := range cfg.AllowPeers {
		p.allow = append(p.allow, netip.MustParsePrefix(text).Masked()) // Validate read it
	}
	own, err := addresses()
	if err != nil {
		return nil, err
	}
	p.own = append(own, relays...)
	if cfg.Media == nil {
		return p, nil
	}
	for _, at := range cfg.Media() {
		at = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
		p.media, p.own = append(p.media, at), append(p.own, at.Addr())
	}
	return p, nil
}

// addresses returns the addresses of this machine's interfaces.
func addresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			found = append(found, prefix.Addr().Unmap())
		}
	}
	return found, nil
}
