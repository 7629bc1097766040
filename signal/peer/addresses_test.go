package peer

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// candidatesOf are "protocol address port" of a description, sorted.
func candidatesOf(text string) []string {
	var all []string
	for _, line := range strings.Split(text, "\r\n") {
		if f := strings.Fields(line); len(f) > 7 && strings.HasPrefix(f[0], "a=candidate:") {
			all = append(all, fmt.Sprintf("%s %s %s", strings.ToLower(f[2]), f[4], f[5]))
		}
	}
	slices.Sort(all)
	return slices.Compact(all) // each section repeats them
}

// hasIPv6 tells whether this machine has any; some containers have none.
func hasIPv6(t *testing.T) bool {
	t.Helper()
	own, err := localAddresses()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(own, netip.Addr.Is6)
}

// TestFamilies: clients with one protocol and one address family alone connect to the same two ports.
func TestFamilies(t *testing.T) {
	e := openEngine(t, Config{UDP: ":0", TCP: ":0"})
	clients := map[string]webrtc.NetworkType{"udp4": webrtc.NetworkTypeUDP4, "tcp4": webrtc.NetworkTypeTCP4}
	if hasIPv6(t) {
		clients["udp6"], clients["tcp6"] = webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP6
	} else {
		t.Log("this machine has no IPv6 at all: what follows is about IPv4 alone")
	}
	for name, only := range clients {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, e, onLoopback(only), webrtc.Configuration{})
			c.call(nil)
			c.awaitMedia("over " + name)
			pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if err != nil || pair == nil {
				t.Fatalf("no pair: %v", err)
			}
			port := map[string]int{"udp": e.Addresses().UDP, "tcp": e.Addresses().TCP}[name[:3]]
			ip := netip.MustParseAddr(pair.Remote.Address)
			if pair.Remote.Protocol.String() != name[:3] || ip.Is6() != strings.HasSuffix(name, "6") || int(pair.Remote.Port) != port {
				t.Errorf("connected to %v; want %s on port %d", pair.Remote, name, port)
			}
		})
	}
}

// TestPublicAddresses: behind 1:1 NAT the answer has each public address once, on our ports, for UDP and TCP. Our own
// addresses still work.
func TestPublicAddresses(t *testing.T) {
	public := []string{"203.0.113.7"}
	if hasIPv6(t) {
		public = append(public, "2001:db8::7")
	}
	for name, cfg := range map[string]Config{
		"everywhere": {UDP: ":0", TCP: ":0", PublicIPs: public},
		"one":        {UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", PublicIPs: public[:1]},
	} {
		e := openEngine(t, cfg)
		for _, protocol := range []string{"udp", "tcp"} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				types := map[string]webrtc.NetworkType{"udp": webrtc.NetworkTypeUDP4, "tcp": webrtc.NetworkTypeTCP4}
				c := newCaller(t, e, onLoopback(types[protocol]), webrtc.Configuration{})
				var answer string
				c.call(func(text string) string { answer = text; return text })
				c.awaitMedia("beside public addresses")
				wantPublic(t, answer, e, cfg.PublicIPs)
			})
		}
	}
}

// wantPublic checks the candidates of one section.
func wantPublic(t *testing.T, answer string, e *Engine, public []string) {
	t.Helper()
	section := strings.Split(answer, "\r\nm=")[1]
	for _, ip := range public {
		for protocol, port := range map[string]int{"udp": e.Addresses().UDP, "tcp": e.Addresses().TCP} {
			lines := 0
			for _, line := range strings.Split(section, "\r\n") {
				f := strings.Fields(line)
				if strings.HasPrefix(line, "a=candidate:") && slices.Equal(slices.Concat(f[1:3], f[4:8]), []string{"1", protocol, ip, fmt.Sprint(port), "typ", "host"}) {
					lines++
				}
			}
			if lines != 1 {
				t.Errorf("%d candidates of %s %s port %d; want 1 among %v", lines, protocol, ip, port, candidatesOf(answer))
			}
		}
	}
	if all := candidatesOf(answer); !slices.Contains(all, fmt.Sprintf("udp 127.0.0.1 %d", e.Addresses().UDP)) {
		t.Errorf("our own address is not among %v", all)
	}
}

func TestPublicAddressOfAFamilyWeDoNotHave(t *testing.T) {
	_, err := NewEngine(Config{UDP: "127.0.0.1:0", PublicIPs: []string{"2001:db8::7"}}, quiet)
	if err == nil || !strings.Contains(err.Error(), "webrtc.public_ips") {
		t.Errorf("got %v; want the key and what is accepted", err)
	}
}

func TestMediaAddresses(t *testing.T) {
	e := openEngine(t, Config{UDP: ":0", PublicIPs: []string{"203.0.113.7"}})
	for _, want := range []string{"127.0.0.1", "203.0.113.7"} {
		if at := netip.AddrPortFrom(netip.MustParseAddr(want), uint16(e.Addresses().UDP)); !slices.Contains(e.Media(), at) {
			t.Errorf("media come in at %v; want %s among them", e.Media(), at)
		}
	}
}

// TestHiddenAddresses: a client that hides its addresses behind multicast DNS names connects, although we do not resolve
// them.
func TestHiddenAddresses(t *testing.T) {
	s := onLoopback(webrtc.NetworkTypeUDP4)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryAndGather)
	c := newCaller(t, openEngine(t, Config{}), s, webrtc.Configuration{})
	c.call(nil)
	all := candidatesOf(c.pc.LocalDescription().SDP)
	if len(all) == 0 || slices.ContainsFunc(all, func(one string) bool { return !strings.Contains(one, ".local ") }) {
		t.Errorf("the client's candidates are %v; want hidden ones alone", all)
	}
	c.awaitMedia("with hidden addresses")
}

// nat is a NAT in front of a port of ours. Its outer address changes.
type nat struct {
	t      *testing.T
	in     *net.UDPConn // the client sends to it
	to     *net.UDPAddr
	client atomic.Pointer[net.UDPAddr] // nil before its first packet
	out    atomic.Pointer[net.UDPConn] // the present outer address
}

// newNAT forwards to a port of the loopback interface.
func newNAT(t *testing.T, port int) *nat {
	t.Helper()
	n := &nat{t: t, in: listenLoopback(t), to: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
	n.move()
	done := make(chan struct{})
	go func() { defer close(done); n.outward() }()
	t.Cleanup(func() {
		_ = n.in.Close()
		<-done
	})
	return n
}

func listenLoopback(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (n *nat) outward() {
	buf := make([]byte, 2000)
	for {
		size, from, err := n.in.ReadFromUDP(buf)
		if err != nil {
			return
		}
		n.client.Store(from)
		_, _ = n.out.Load().WriteToUDP(buf[:size], n.to) // lost while it moves
	}
}

// move gives the client another address. Packets to the old one are lost.
func (n *nat) move() {
	next := listenLoopback(n.t)
	if old := n.out.Swap(next); old != nil {
		_ = old.Close()
	}
	done := make(chan struct{})
	go func() { defer close(done); n.inward(next) }()
	n.t.Cleanup(func() {
		_ = next.Close()
		<-done
	})
}

func (n *nat) inward(out *net.UDPConn) {
	buf := make([]byte, 2000)
	for {
		size, _, err := out.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if client := n.client.Load(); client != nil {
			_, _ = n.in.WriteToUDP(buf[:size], client)
		}
	}
}

// TestClientMoves: the packets of the client suddenly come from another address, which the client does not notice. Media
// continue in both directions on the same connection, after each such move.
func TestClientMoves(t *testing.T) {
	e := openEngine(t, Config{})
	c := newCaller(t, e, onLoopback(webrtc.NetworkTypeUDP4), webrtc.Configuration{})
	n := newNAT(t, e.Addresses().UDP)
	hidden := regexp.MustCompile(`a=candidate:.*\r\n`).ReplaceAllString(c.offer(false), "") // the NAT is the only path
	c.callWith(hidden, func(answer string) string {
		ours, nats := fmt.Sprintf(" %d typ host", e.Addresses().UDP), fmt.Sprintf(" %d typ host", n.in.LocalAddr().(*net.UDPAddr).Port)
		return strings.ReplaceAll(answer, ours, nats)
	})
	c.awaitMedia("through the NAT")
	for range 2 {
		n.move()
		c.awaitMedia("after a move")
	}
	if c.peer.Err() != nil {
		t.Error(c.peer.Err())
	}
}
