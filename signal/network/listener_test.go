package network

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/signal/signaltest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open listens on the loopback interface, and echoes until the test ends.
func open(t *testing.T, b Bounds) *Listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(inner, b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go echo(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // it may be closed already
		<-done
	})
	return l
}

func echo(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for buf := make([]byte, 64); ; {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err = conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

// dial connects from one of this machine's own addresses, 127.0.0.0/8.
func dial(t *testing.T, l *Listener, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// lives tells whether the connection echoes; otherwise it is closed.
func lives(t *testing.T, conn net.Conn) bool {
	t.Helper()
	_, sent := conn.Write([]byte("x"))
	err := heard(t, conn)
	if err == nil {
		return true
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("neither an answer nor an end (%v)", sent)
	}
	return false
}

func heard(t *testing.T, conn net.Conn) error {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

// TestBounds: the connections of one network and those of all are bounded, and a closed one makes room for another.
func TestBounds(t *testing.T) {
	l := open(t, Bounds{Connections: 3, PerNetwork: 2})
	first, second := dial(t, l, "127.0.0.1"), dial(t, l, "127.0.0.1")
	if !lives(t, first) || !lives(t, second) {
		t.Error("one of the first two was closed")
	}
	if lives(t, dial(t, l, "127.0.0.1")) {
		t.Error("a third one of the same network was let in")
	}
	if !lives(t, dial(t, l, "127.0.0.2")) {
		t.Error("one of another network was kept out")
	}
	if lives(t, dial(t, l, "127.0.0.3")) {
		t.Error("a fourth one in all was let in")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	await.Until(t, "the first one is forgotten", func() bool { return l.Connections() == 2 })
	if !lives(t, dial(t, l, "127.0.0.1")) {
		t.Error("the room of the first one is not to be had")
	}
}

// TestClose closes the connections too.
func TestClose(t *testing.T) {
	l := open(t, Bounds{Connections: 3, PerNetwork: 2})
	conn := dial(t, l, "127.0.0.1")
	if !lives(t, conn) {
		t.Fatal("it was closed")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := heard(t, conn); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection after Close: %v; want its end", err)
	}
}

// TestSilence: a connection ends if no first bytes come, or none later.
func TestSilence(t *testing.T) {
	for name, b := range map[string]Bounds{
		"at first": {Connections: 1, PerNetwork: 1, FirstWord: 50 * time.Millisecond},
		"later":    {Connections: 1, PerNetwork: 1, Silence: 50 * time.Millisecond},
	} {
		l := open(t, b)
		conn := dial(t, l, "127.0.0.1")
		if name == "later" && !lives(t, conn) {
			t.Errorf("%s: it was given up before", name)
		}
		if err := heard(t, conn); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %v; want the end", name, err)
		}
	}
}

// TestStalled: a connection whose client does not read ends.
func TestStalled(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(inner, Bounds{Connections: 1, PerNetwork: 1, Stalled: 50 * time.Millisecond})
	defer func() { _ = l.Close() }()
	dial(t, l, "127.0.0.1")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // until the buffers of the system are full
		_, err = conn.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || l.Connections() != 0 {
		t.Errorf("got %v, and %d connections; want the deadline, and none", err, l.Connections())
	}
}
