package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// TestTCPIsBounded: the number of connections of one address to the media port is limited. Connections without a check
// are closed with the port: pion alone would wait for them for 30 s.
func TestTCPIsBounded(t *testing.T) {
	e, err := NewEngine(Config{TCP: "127.0.0.1:0"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", e.Addresses().TCP))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	for range tcpBounds().PerNetwork {
		dial("127.0.0.1")
	}
	other := dial("127.0.0.2")
	if !closes(t, dial("127.0.0.1"), 20*time.Second) {
		t.Error("one connection too many was let in")
	}
	if closes(t, other, 10*time.Millisecond) { // they are accepted one after the other
		t.Error("a connection of another address was closed")
	}
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	if !closes(t, other, 20*time.Second) {
		t.Error("a connection that says nothing outlives the port")
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// closes tells whether the other side closes the connection in time.
func closes(t *testing.T, conn net.Conn, within time.Duration) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	if err == nil {
		t.Fatal("the server sent data first")
	}
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
