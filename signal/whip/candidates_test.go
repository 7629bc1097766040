package whip

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOrderOfCandidates for a client on the internet, one in the same network, and a proxy on this machine.
func TestOrderOfCandidates(t *testing.T) {
	var lines []string
	for _, c := range []string{
		"tcp 10.0.0.5", "udp ::1", "udp 127.0.0.1", "udp fd00::5", "udp 10.0.0.5", "udp 192.168.7.5", "udp 2001:db8::5", "udp 203.0.113.5", "tcp 203.0.113.5",
	} {
		network, address, _ := strings.Cut(c, " ")
		for _, component := range []string{"2", "1"} {
			line := "a=candidate:1 " + component + " " + network + " 2130706431 " + address + " 8189 typ host"
			if network == "tcp" {
				line += " tcptype passive"
			}
			lines = append(lines, line)
		}
	}
	answer := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" +
		strings.Join(lines, "\r\n") + "\r\na=end-of-candidates\r\na=recvonly\r\n"
	for _, c := range []struct{ from, to, want string }{
		{"198.51.100.9:4000", "10.0.0.5:8080", "203.0.113.5 2001:db8::5 10.0.0.5 192.168.7.5 fd00::5 127.0.0.1 ::1 203.0.113.5 10.0.0.5"},
		{"192.168.7.9:4000", "192.168.7.5:8080", "192.168.7.5 203.0.113.5 2001:db8::5 10.0.0.5 fd00::5 127.0.0.1 ::1 203.0.113.5 10.0.0.5"},
		{"127.0.0.1:4000", "127.0.0.1:8080", "203.0.113.5 2001:db8::5 10.0.0.5 192.168.7.5 fd00::5 127.0.0.1 ::1 203.0.113.5 10.0.0.5"},
	} {
		local, err := net.ResolveTCPAddr("tcp", c.to)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(local)), http.MethodPost, "/whip/yard/gate", nil)
		r.RemoteAddr = c.from
		got, err := ordered(answer, r)
		if err != nil {
			t.Fatal(err)
		}
		var addresses []string
		for line := range strings.Lines(got) {
			if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") && f[1] == "1" {
				addresses = append(addresses, f[4])
			}
		}
		if s := strings.Join(addresses, " "); s != c.want {
			t.Errorf("from %s to %s: got %s; want %s", c.from, c.to, s, c.want)
		}
		if !strings.HasPrefix(got, "v=0\r\no=- 1 1") || !strings.HasSuffix(got, "a=end-of-candidates\r\na=recvonly\r\n") || strings.Count(got, "\r\n") != strings.Count(answer, "\r\n") {
			t.Errorf("more than the order has changed:\n%s", got)
		}
	}
}
