package peer

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/webrtc/v4"
)

// announcePublicIPs adds candidates with the public addresses and the ports of the Engine, for UDP and TCP. The rewrite rules
// of a public address name only the local addresses to which a 1:1 NAT sends its packets. A rule for every local address
// would make the same candidate several times, which pion treats as an error.
func (e *Engine) announcePublicIPs(s *webrtc.SettingEngine) error {
	machine, err := localAddresses()
	if err != nil {
		return err
	}
	var rules []webrtc.ICEAddressRewriteRule
	for _, text := range e.cfg.PublicIPs {
		public := netip.MustParseAddr(text).Unmap() // Validate has checked it
		if slices.Contains(machine, public) {
			continue // the address has a candidate without a rule
		}
		var locals []netip.Addr
		for _, listenAddress := range []string{e.cfg.UDP, e.cfg.TCP} {
			if a := localAddressOf(public, listenAddress, machine); a.IsValid() && !slices.Contains(locals, a) {
				locals = append(locals, a)
			}
		}
		if len(locals) == 0 {
			return fmt.Errorf("webrtc.public_ips: %q: nothing is listened on in its family; accepted are public addresses of ours", text)
		}
		for _, a := range locals {
			rules = append(rules, webrtc.ICEAddressRewriteRule{
				External: []string{public.String()}, Local: a.String(),
				AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteAppend,
			})
		}
	}
	if err := s.SetICEAddressRewriteRules(rules...); err != nil {
		return fmt.Errorf("announce webrtc.public_ips %v: %w", e.cfg.PublicIPs, err)
	}
	return nil
}

// localAddressOf returns the local address at which packets to a public address arrive. That is the address to which the
// listener is bound. If the listener is bound to all addresses, it is the address from which packets to the public address
// leave, or else any address in machine of the same IP family. The result is invalid if there is none.
func localAddressOf(public netip.Addr, listenAddress string, machine []netip.Addr) netip.Addr {
	if listenAddress == "" {
		return netip.Addr{}
	}
	host, _, _ := net.SplitHostPort(listenAddress) // Validate has checked it
	if bound, err := netip.ParseAddr(host); err == nil && !bound.IsUnspecified() {
		if bound = bound.Unmap(); bound.Is4() == public.Is4() {
			return bound
		}
		return netip.Addr{}
	}
	if conn, err := net.Dial("udp", netip.AddrPortFrom(public, 9).String()); err == nil { // Dial over UDP sends no packet
		local := conn.LocalAddr()
		_ = conn.Close()
		if a, ok := local.(*net.UDPAddr); ok {
			return a.AddrPort().Addr().Unmap()
		}
	}
	var found netip.Addr
	for _, a := range machine {
		if a.Is4() == public.Is4() && !a.IsLinkLocalUnicast() && (!found.IsValid() || found.IsLoopback()) {
			found = a
		}
	}
	return found
}

// localAddresses returns the addresses of all network interfaces of this machine.
func localAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list this machine's addresses: %w", err)
	}
	var found []netip.Addr
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			found = append(found, prefix.Addr().Unmap())
		}
	}
	return found, nil
}

// Media returns the addresses and ports that receive media over UDP, local and public ones. A TURN relay on this machine
// needs to reach them. It must not reach any other port of the machine.
func (e *Engine) Media() []netip.AddrPort {
	if e.udp == nil {
		return nil
	}
	var all []netip.AddrPort
	for _, a := range e.udp.GetListenAddresses() {
		if local, ok := a.(*net.UDPAddr); ok {
			all = append(all, netip.AddrPortFrom(local.AddrPort().Addr().Unmap(), uint16(local.Port)))
		}
	}
	for _, text := range e.cfg.PublicIPs {
		all = append(all, netip.AddrPortFrom(netip.MustParseAddr(text).Unmap(), uint16(e.ports.UDP)))
	}
	return all
}
