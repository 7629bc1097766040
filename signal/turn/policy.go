package turn

import (
	"net"
	"net/netip"
	"slices"
)

// special are prefixes that are not reachable on the internet (IANA's special-purpose registries), or whose addresses embed
// an IPv4 address. Private, loopback, link-local, multicast and unspecified addresses are not here, because methods of
// netip.Addr recognize them. The table is constant.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT
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

// policy decides with which peers relays exchange packets. On this machine, it allows only the media ports and other relays,
// unless Config.AllowPeers allows more. It does not notice when the addresses of this machine change later.
type policy struct {
	allow   []netip.Prefix         // Config.AllowPeers
	own     []netip.Addr           // all addresses of this machine, including its public ones
	media   []netip.AddrPort       // the addresses and ports on which this machine receives media
	relays  []netip.Addr           // the addresses of the relays
	isRelay func(port uint16) bool // tells whether the port belongs to an open relay
}

// allowsHost tells whether the policy allows a peer at this IP address, with some port. It treats an IPv4-mapped IPv6
// address as the IPv4 address.
func (p *policy) allowsHost(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast():
		return false
	case p.configured(ip) || slices.Contains(p.relays, ip):
		return true
	case slices.Contains(p.own, ip):
		return slices.ContainsFunc(p.media, func(addr netip.AddrPort) bool { return addr.Addr() == ip })
	}
	return isPublic(ip)
}

// allowsPeer tells whether relays exchange packets with a peer at this address and port.
func (p *policy) allowsPeer(addr netip.AddrPort) bool {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	switch {
	case addr.Port() == 0 || !p.allowsHost(addr.Addr()):
		return false
	case p.configured(addr.Addr()) || !slices.Contains(p.own, addr.Addr()):
		return true
	case slices.Contains(p.media, addr):
		return true
	}
	return slices.Contains(p.relays, addr.Addr()) && p.isRelay(addr.Port())
}

// configured tells whether Config.AllowPeers contains an address.
func (p *policy) configured(ip netip.Addr) bool {
	return slices.ContainsFunc(p.allow, func(prefix netip.Prefix) bool { return prefix.Contains(ip) })
}

// isPublic tells whether an address is reachable on the internet.
func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(special, func(prefix netip.Prefix) bool { return prefix.Contains(ip) })
}

// newPolicy makes a policy from cfg and the present addresses of this machine. relays and isRelay become fields of the policy.
func newPolicy(cfg Config, relays []netip.Addr, isRelay func(port uint16) bool) (*policy, error) {
	p := &policy{relays: relays, isRelay: isRelay}
	for _, text := range cfg.AllowPeers {
		p.allow = append(p.allow, netip.MustParsePrefix(text).Masked()) // cannot panic: Validate has parsed the text
	}
	own, err := machineAddresses()
	if err != nil {
		return nil, err
	}
	p.own = append(own, relays...)
	if cfg.Media == nil {
		return p, nil
	}
	for _, addr := range cfg.Media() {
		addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
		p.media, p.own = append(p.media, addr), append(p.own, addr.Addr())
	}
	return p, nil
}

// machineAddresses returns the addresses of all network interfaces of this machine.
func machineAddresses() ([]netip.Addr, error) {
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
