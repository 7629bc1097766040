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

	"azulejo/signal/signaltest/await"
)

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

// gone waits until pion has removed its allocations, which it does after its Close.
func gone(t *testing.T, r *Relays) {
	t.Helper()
	await.Until(t, "no permissions", func() bool {
		r.permissions.mu.Lock()
		defer r.permissions.mu.Unlock()
		return len(r.permissions.byClient) == 0
	})
}

// client makes a TURN client with these credentials, over udp or tcp.
func client(t *testing.T, r *Relays, network, username, credential string) *turn.Client {
	t.Helper()
	return clientAt(t, netip.MustParseAddrPort(r.address()).Addr(), r, network, username, credential)
}

// address is the address of the embedded server.
func (r *Relays) address() string {
	return strings.TrimPrefix(strings.Split(r.urls[0], "?")[0], "turn:")
}

// clientAt is client with another local address.
func clientAt(t *testing.T, own netip.Addr, r *Relays, network, username, credential string) *turn.Client {
	t.Helper()
	at := r.address()
	var conn net.PacketConn
	if network == "tcp" {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(own, 0))}
		stream, err := dialer.DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(stream)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp", net.JoinHostPort(own.String(), "0")); err != nil {
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

// allocate makes a relay with valid credentials.
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

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
