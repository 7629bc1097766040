package turn

import (
	"bytes"
	"context"
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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// start runs relays on the loopback interface until the test ends.
func start(t *testing.T, cfg Config) *Relays {
	t.Helper()
	return startAt(t, "127.0.0.1:0", cfg, quiet)
}

func startAt(t *testing.T, listen string, cfg Config, log *slog.Logger, before ...func(*Relays)) *Relays {
	t.Helper()
	cfg.Listen, cfg.Realm = listen, "azulejo"
	r, err := New(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range before {
		change(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if n := r.Stats().Relays; n != 0 {
			t.Errorf("%d relays are left", n)
		}
		gone(t, r)
	})
	return r
}

// gone waits for pion, which ends its allocations after it has closed.
func gone(t *testing.T, r *Relays) {
	t.Helper()
	await(t, "no permissions", func() bool {
		r.grants.mu.Lock()
		defer r.grants.mu.Unlock()
		return len(r.grants.of) == 0
	})
}

// await polls until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// client is one with credentials, over udp or tcp.
func client(t *testing.T, r *Relays, network, username, credential string) *turn.Client {
	t.Helper()
	at := strings.TrimPrefix(strings.Split(r.urls[0], "?")[0], "turn:")
	var conn net.PacketConn
	if network == "tcp" {
		stream, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(stream)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp", net.JoinHostPort(netip.MustParseAddrPort(at).Addr().String(), "0")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: at, STUNServerAddr: at, Conn: conn, Username: username, Password: credential, Realm: "azulejo",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err = c.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		_ = conn.Close()
	})
	return c
}

// allocate makes a relay with good credentials.
func allocate(t *testing.T, r *Relays, network, user string) (*turn.Client, net.PacketConn) {
	t.Helper()
	s := r.Servers(user)[0]
	c := client(t, r, network, s.Username, s.Credential)
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	return c, relay
}

// echo answers on a free port of the loopback interface.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	return echoAt(t, net.IPv4(127, 0, 0, 1))
}

func echoAt(t *testing.T, ip net.IP) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(buf[:n], from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// hears sends until an answer comes, or for the given time.
func hears(t *testing.T, relay net.PacketConn, at netip.AddrPort, within time.Duration) bool {
	t.Helper()
	buf := make([]byte, 1500)
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		if _, err := relay.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(at)); err != nil {
			t.Fatal(err)
		}
		if err := relay.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, _, err := relay.ReadFrom(buf); err == nil && string(buf[:n]) == "hello" {
			return true
		}
	}
	return false
}

// TestRelaysReachOurMediaPortOnly: of this machine, the port where it takes media, and none beside it.
func TestRelaysReachOurMediaPortOnly(t *testing.T) {
	media, other := echo(t), echo(t)
	r := start(t, Config{Media: func() []netip.AddrPort { return []netip.AddrPort{media} }})
	for _, network := range []string{"udp", "tcp"} {
		_, relay := allocate(t, r, network, "ana")
		if !hears(t, relay, media, 30*time.Second) {
			t.Errorf("%s: the media port is out of reach", network)
		}
		before := r.Stats().Refused
		if hears(t, relay, other, time.Second) || r.Stats().Refused == before {
			t.Errorf("%s: a port beside it answered, or nothing was refused", network)
		}
	}
}

// TestRelaysReachEachOther: two clients who have nothing else.
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

// TestExpiryDoesNotEndRelays: those that were made in time get permissions still.
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

// TestShare: what is beyond a client's share is dropped, and counted.
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
	await(t, "most of 100 packets are dropped", func() bool { return r.Stats().Dropped >= 50 })
	if up := r.Stats().BytesUp; up > 60_000 {
		t.Errorf("%d bytes passed; want those of half a second, and a little more", up)
	}
}

// TestDoor: connections over TCP are bounded, and closed with the server.
func TestDoor(t *testing.T) {
	r := start(t, Config{})
	at := strings.TrimPrefix(strings.Split(r.urls[0], "?")[0], "turn:")
	var all []net.Conn
	for range maxConnectionsPerAddress + 1 {
		conn, err := net.Dial("tcp", at)
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
	await(t, "the first one is forgotten", func() bool {
		r.tcp.mu.Lock()
		defer r.tcp.mu.Unlock()
		return len(r.tcp.conns) == maxConnectionsPerAddress-1
	})
}

// TestIPv6: the same over IPv6, where this machine has it.
func TestIPv6(t *testing.T) {
	own, err := addresses()
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

// TestPermissionsAreBounded: nobody fills our memory with addresses.
func TestPermissionsAreBounded(t *testing.T) {
	r := start(t, Config{})
	c, _ := allocate(t, r, "udp", "ana")
	for i := range maxGrants {
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

// TestSecretsAreNotLogged, whatever is logged.
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

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
