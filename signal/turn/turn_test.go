package turn

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
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
	cfg.Listen, cfg.Realm = "127.0.0.1:0", "azulejo"
	r, err := New(cfg, quiet)
	if err != nil {
		t.Fatal(err)
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
	})
	return r
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
		if conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
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
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
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
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
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

// TestExpiryDoesNotEndRelays: those that were made in time are refreshed, and get permissions.
func TestExpiryDoesNotEndRelays(t *testing.T) {
	media := echo(t)
	r := start(t, Config{Media: func() []netip.AddrPort { return []netip.AddrPort{media} }})
	expiry := time.Now().Add(3 * time.Second)
	username := newSecretAt(r.secret, expiry)
	c := client(t, r, "udp", username, r.secret.sign(username))
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = relay.Close() }()
	<-time.After(time.Until(expiry.Add(time.Second)))
	if again, err := client(t, r, "udp", username, r.secret.sign(username)).Allocate(); err == nil {
		_ = again.Close()
		t.Error("expired credentials made another relay")
	}
	if !hears(t, relay, media, 30*time.Second) {
		t.Error("the relay ended with the credentials")
	}
}

func newSecretAt(s *secret, expiry time.Time) string {
	at := *s
	at.lifetime, at.now = 0, func() time.Time { return expiry }
	username, _ := at.issue("ana")
	return username
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
	deadline := time.After(30 * time.Second)
	for r.Stats().Dropped < 50 {
		select {
		case <-deadline:
			t.Fatalf("%d packets of 100 were dropped; want most", r.Stats().Dropped)
		case <-time.After(10 * time.Millisecond):
		}
	}
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
	deadline := time.After(30 * time.Second)
	for {
		r.tcp.mu.Lock()
		n := len(r.tcp.conns)
		r.tcp.mu.Unlock()
		if n == maxConnectionsPerAddress-1 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d connections are counted; want %d", n, maxConnectionsPerAddress-1)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
