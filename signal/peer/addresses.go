package peer

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/webrtc/v4"
)

// announcePublicIPs adds candidates of the public addresses on our own ports, for UDP and TCP. Each one is attached to
// one local address, where its packets arrive behind 1:1 NAT. Attached to several, it would be the same candidate several
// times, which pion treats as an error.
func (e *Engine) announcePublicIPs(s *webrtc.SettingEngine) error {
	own, err := localAddresses()
	if err != nil {
		return err
	}
	var rules []webrtc.ICEAddressRewriteRule
	for _, text := range e.cfg.PublicIPs {
		public := netip.MustParseAddr(text).Unmap() // Validate has checked it
		if slices.Contains(own, public) {
			continue // a candidate already
		}
		var locals []netip.Addr
		for _, listen := range []string{e.cfg.UDP, e.cfg.TCP} {
			if a := localAddressOf(public, listen, own); a.IsValid() && !slices.Contains(locals, a) {
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

// localAddressOf is the local address at which packets to a public address arrive: the one that the listener is bound
// to, or the one from which packets to the internet leave, or any address of the family. It is invalid if there is none.
func localAddressOf(public netip.Addr, listen string, own []netip.Addr) netip.Addr {
	if listen == "" {
		return netip.Addr{}
	}
	host, _, _ := net.SplitHostPort(listen) // Validate has checked it
	if bound, err := netip.ParseAddr(host); err == nil && !bound.IsUnspecified() {
		if bound = bound.Unmap(); bound.Is4() == public.Is4() {
			return bound
		}
		return netip.Addr{}
	}
	if conn, err := net.Dial("udp", netip.AddrPortFrom(public, 9).String()); err == nil { // sends nothing
		local := conn.LocalAddr()
		_ = conn.Close()
		if a, ok := local.(*net.UDPAddr); ok {
			return a.AddrPort().Addr().Unmap()
		}
	}
	var found netip.Addr
	for _, a := range own {
		if a.Is4() == public.Is4() && !a.IsLinkLocalUnicast() && (!found.IsValid() || found.IsLoopback()) {
			found = a
		}
	}
	return found
}

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

// Media are the addresses and ports that receive media over UDP, as clients know them. A TURN relay on this machine has
// to reach them, and may reach no other address of it.
func (e *Engine) Media() []netip.AddrPort {
	if e.udp == nil {
		return nil
	}
	var all []netip.AddrPort
	for _, a := range e.udp.GetListenAddresses() {
		if at, ok := a.(*net.UDPAddr); ok {
			all = append(all, netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), uint16(at.Port)))
		}
	}
	for _, text := range e.cfg.PublicIPs {
		all = append(all, netip.AddrPortFrom(netip.MustParseAddr(text).Unmap(), uint16(e.at.UDP)))
	}
	return all
}
