package turn

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"go.uber.org/goleak"

	"azulejo/signal/network"
	"azulejo/signal/signaltest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// TestRelaysReachOurMediaPortOnly, and no other port of this machine.
func TestRelaysReachOurMediaPortOnly(t *testing.T) {
	media, other := echo(t), echo(t)
	r := start(t, Config{Media: func() []netip.AddrPort { return []netip.AddrPort{media} }})
	for _, network := range []string{"udp", "tcp"} {
		_, relay := allocate(t, r, network, "ana")
		if !hears(t, relay, media, 30*time.Second) {
			t.Errorf("%s: the media port is out of reach", network)
		}
		before := r.Stats().Refused
		if hears(t, relay, other, time.Second) {
			t.Errorf("%s: a port beside it answered", network)
		}
		await.Until(t, network+": the packets to it are refused", func() bool { return r.Stats().Refused > before })
	}
}

// TestRelaysReachEachOther: two clients can connect by their relays alone.
func TestRelaysReachEachOther(t *testing.T) {
	r := start(t, Config{})
	ca, a := allocate(t, r, "udp", "ana")
	cb, b := allocate(t, r, "tcp", "ben")
	for c, to := range map[*turn.Client]net.PacketConn{ca: b, cb: a} {
		if err := c.CreatePermission(to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.WriteTo([]byte("hello"), b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := b.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, from, err := b.ReadFrom(buf); err != nil || string(buf[:n]) != "hello" || from.String() != a.LocalAddr().String() {
		t.Errorf("got %q from %v, %v", buf[:n], from, err)
	}
}

func TestPrivatePeersAreRefused(t *testing.T) {
	refuses := func(r *Relays, peer string) error {
		c, _ := allocate(t, r, "udp", "ana")
		return c.CreatePermission(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(peer)))
	}
	for _, peer := range []string{"10.1.2.3:8189", "192.168.0.1:80", "169.254.169.254:80", "224.0.0.1:9", "0.0.0.0:8189", "127.0.0.2:8189"} {
		if err := refuses(start(t, Config{}), peer); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: got %v; want 403", peer, err)
		}
	}
	if err := refuses(start(t, Config{AllowPeers: []string{"10.1.0.0/16"}}), "10.1.2.3:8189"); err != nil {
		t.Errorf("a private peer that is allowed: %v", err)
	}
	if err := refuses(start(t, Config{}), "8.8.8.8:53"); err != nil {
		t.Errorf("a public peer: %v", err)
	}
}

func TestBadCredentialsAreRefused(t *testing.T) {
	r := start(t, Config{})
	good := r.Servers("ana")[0]
	s := newSecret(Config{Realm: "azulejo", Secret: "another secret of theirs"})
	foreign, foreignCredential := s.issue("ana")
	s = &secret{key: r.secret.key, realm: "azulejo", lifetime: -time.Second, now: time.Now}
	expired, expiredCredential := s.issue("ana")
	for name, c := range map[string][2]string{
		"wrong password":    {good.Username, good.Credential + "x"},
		"another secret":    {foreign, foreignCredential},
		"expired":           {expired, expiredCredential},
		"a later expiry":    {"9" + good.Username, good.Credential},
		"no expiry":         {"ana", good.Credential},
		"nobody":            {"9999999999:", s.sign("9999999999:")},
		"another's relayed": {strings.Replace(good.Username, "ana", "ben", 1), good.Credential},
	} {
		if relay, err := client(t, r, "udp", c[0], c[1]).Allocate(); err == nil {
			_ = relay.Close()
			t.Errorf("%s: got a relay; want none", name)
		}
	}
	if _, relay := allocate(t, r, "udp", "ana"); relay == nil {
		t.Error("good credentials were refused")
	}
}

// TestExpiryDoesNotEndRelays: after the expiry of its credentials an existing relay still gets permissions.
func TestExpiryDoesNotEndRelays(t *testing.T) {
	media := echo(t)
	cfg := Config{Media: func() []netip.AddrPort { return []netip.AddrPort{media} }}
	var late atomic.Int64
	r := startAt(t, "127.0.0.1:0", cfg, quiet, func(r *Relays) {
		r.secret.now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	s := r.Servers("ana")[0]
	relay, err := client(t, r, "udp", s.Username, s.Credential).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = relay.Close() }()
	late.Store(int64(DefaultLifetime))
	if again, err := client(t, r, "udp", s.Username, s.Credential).Allocate(); err == nil {
		_ = again.Close()
		t.Error("expired credentials made another relay")
	}
	if !hears(t, relay, media, 30*time.Second) { // asks for a permission first
		t.Error("the relay ended with the credentials")
	}
}

func TestQuota(t *testing.T) {
	r := start(t, Config{})
	for range maxRelaysPerUser {
		allocate(t, r, "udp", "ana")
	}
	s := r.Servers("ana")[0]
	if relay, err := client(t, r, "udp", s.Username, s.Credential).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("one more than the quota: got %v, %v; want 486", relay, err)
	}
	allocate(t, r, "udp", "ben")
	if n := r.Stats().Relays; n != maxRelaysPerUser+1 {
		t.Errorf("%d relays are counted; want %d", n, maxRelaysPerUser+1)
	}
}

// TestQuotaOfANetwork: the limit of one address counts the relays of all its credentials, over both protocols. Other
// addresses are not affected, and a closed relay makes room for another one.
func TestQuotaOfANetwork(t *testing.T) {
	const most = 3
	r := startAt(t, "127.0.0.1:0", Config{}, quiet, func(r *Relays) { r.allocator.shares = network.NewShares(most) })
	var first net.PacketConn
	for i := range most {
		_, relay := allocate(t, r, []string{"udp", "tcp"}[i%2], fmt.Sprintf("user%d", i))
		if first == nil {
			first = relay
		}
	}
	for _, protocol := range []string{"udp", "tcp"} {
		s := r.Servers("another")[0]
		if relay, err := client(t, r, protocol, s.Username, s.Credential).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
			t.Errorf("%s: one more than the quota: got %v, %v; want 486", protocol, relay, err)
		}
		relay, err := clientAt(t, netip.MustParseAddr("127.0.0.2"), r, protocol, s.Username, s.Credential).Allocate()
		if err != nil {
			t.Fatalf("%s: a client of another network: %v", protocol, err)
		}
		defer func() { _ = relay.Close() }()
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	await.Until(t, "the first relay is gone", func() bool { return r.Stats().Relays == most+1 })
	allocate(t, r, "udp", "one more")
}

// TestHolders: an id is read as the holder that it was made from.
func TestHolders(t *testing.T) {
	for _, h := range []holder{
		{netip.MustParsePrefix("192.0.2.1/32"), "ana"}, {netip.MustParsePrefix("2001:db8::/64"), "a, b c"}, {netip.Prefix{}, "x/y"},
	} {
		if got := holderOf(h.id()); got != h {
			t.Errorf("%q is read as %+v; want %+v", h.id(), got, h)
		}
	}
}

// TestShare: packets beyond a client's bitrate are dropped and counted.
func TestShare(t *testing.T) {
	media := echo(t)
	r := start(t, Config{Bitrate: leastBitrate, Media: func() []netip.AddrPort { return []netip.AddrPort{media} }})
	_, relay := allocate(t, r, "tcp", "ana")
	if !hears(t, relay, media, 30*time.Second) {
		t.Fatal("the media port is out of reach")
	}
	for range 100 {
		if _, err := relay.WriteTo(make([]byte, 1200), net.UDPAddrFromAddrPort(media)); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "most of 100 packets are dropped", func() bool { return r.Stats().Dropped >= 50 })
	if up := r.Stats().BytesUp; up > 60_000 {
		t.Errorf("%d bytes passed; want those of half a second, and a little more", up)
	}
}

// TestTCPConnectionsAreBounded: one connection too many of a network is closed.
func TestTCPConnectionsAreBounded(t *testing.T) {
	r := start(t, Config{})
	var all []net.Conn
	for range 257 {
		conn, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		all = append(all, conn)
	}
	last := all[len(all)-1]
	if err := last.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("one connection too many: got %v; want it closed", err)
	}
	_ = all[0].Close()
	await.Until(t, "the first one is forgotten", func() bool { return r.tcp.Connections() == 255 })
}

// TestIPv6 is TestRelaysReachOurMediaPortOnly over IPv6, if this machine has it.
func TestIPv6(t *testing.T) {
	own, err := machineAddresses()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(own, netip.Addr.Is6) {
		t.Log("this machine has no IPv6 at all: there is nothing to relay over it")
		return
	}
	media, other := echoAt(t, net.IPv6loopback), echoAt(t, net.IPv6loopback)
	r := startAt(t, "[::1]:0", Config{Media: func() []netip.AddrPort { return []netip.AddrPort{media} }}, quiet)
	for _, network := range []string{"udp", "tcp"} {
		_, relay := allocate(t, r, network, "ana")
		if !hears(t, relay, media, 30*time.Second) || hears(t, relay, other, time.Second) {
			t.Errorf("%s: the media port is out of reach, or another one is not", network)
		}
	}
}

// TestPermissionsAreBounded, so that a client cannot fill the memory with addresses.
func TestPermissionsAreBounded(t *testing.T) {
	r := start(t, Config{})
	c, _ := allocate(t, r, "udp", "ana")
	for i := range maxPermissions {
		if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, byte(i)), Port: 9}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 9, 1), Port: 9}); err == nil {
		t.Error("one more than the bound was permitted")
	}
	if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, 1), Port: 10}); err != nil {
		t.Errorf("one that is there already: %v", err)
	}
}

// TestSecretsAreNotLogged at any level.
func TestSecretsAreNotLogged(t *testing.T) {
	var mu sync.Mutex
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	const secret = "what nobody else may know"
	r := startAt(t, "127.0.0.1:0", Config{Secret: secret}, log)
	good := r.Servers("ana")[0]
	c, _ := allocate(t, r, "udp", "ana")
	_ = c.CreatePermission(&net.UDPAddr{IP: net.IPv4(10, 1, 1, 1), Port: 9}) // refused, which is logged
	if relay, err := client(t, r, "udp", good.Username, "wrong").Allocate(); err == nil {
		_ = relay.Close()
		t.Error("a wrong password made a relay")
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(said.String(), "permission denied") {
		t.Errorf("nothing about the refusal is in the log:\n%s", said.String())
	}
	for _, hidden := range []string{secret, good.Credential} {
		if strings.Contains(said.String(), hidden) {
			t.Errorf("the log has %q:\n%s", hidden, said.String())
		}
	}
}
