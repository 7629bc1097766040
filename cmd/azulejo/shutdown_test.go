package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSigtermWithClientsOnEveryRoute: clients of every protocol, in any state, do not delay the end of the server. Clients
// whose protocol can say so get the reason.
func TestSigtermWithClientsOnEveryRoute(t *testing.T) {
	p := launch(t, "demo", "--cameras", "1", "--data", t.TempDir())
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
	clients := []struct {
		name, request string
		comes         string // before SIGTERM, so that the server knows the client
		told          string // after it
	}{
		{"a native client that does not join", "GET /ws HTTP/1.1\r\n" + upgrade, "101 Switching", "closing"},
		{"a STOMP client without CONNECT", "GET /signaling/websocket HTTP/1.1\r\n" + upgrade, "101 Switching", "closing"},
		{"a stream of SockJS", "POST /signaling/000/one/xhr_streaming HTTP/1.1\r\nContent-Length: 0\r\n", "o\n", "closing"},
		{"events of SockJS", "GET /signaling/000/two/eventsource HTTP/1.1\r\n", "data: o", "closing"},
		{"a poll that is not read", "POST /signaling/000/three/xhr HTTP/1.1\r\nContent-Length: 0\r\n", "o\n", ""},
		{"a connection that is silent", "GET /healthz HTTP/1.1\r\n", "ok", ""},
	}
	var open []*bufio.Reader
	for _, c := range clients {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err = conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		line, rest, _ := strings.Cut(c.request, "\r\n")
		if _, err = io.WriteString(conn, line+"\r\nHost: "+strings.TrimPrefix(p.base, "http://")+"\r\n"+rest+"\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		for said := ""; !strings.Contains(said, c.comes); {
			b, err := r.ReadByte()
			if err != nil {
				t.Fatalf("%s: %q, %v", c.name, said, err)
			}
			said += string(b)
		}
		open = append(open, r)
	}
	begin := time.Now()
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	for i, c := range clients {
		if said, _ := io.ReadAll(open[i]); !strings.Contains(string(said), c.told) { // however the connection ended
			t.Errorf("%s was told %q; want %q", c.name, said, c.told)
		}
	}
	t.Logf("it took %v", time.Since(begin))
}
