package stomp

import (
	"strings"
	"testing"

	"azulejo/signal/peer"
)

// TestOrigin tells connections apart.
func TestOrigin(t *testing.T) {
	for text, want := range map[string]uint64{
		"v=0\r\no=- 42 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n": 42,
		"v=0\r\no=- x 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n":  0,
		"": 0,
	} {
		if got := originID(text); got != want {
			t.Errorf("%q is of session %d; want %d", text, got, want)
		}
	}
}

func TestNamesOfGuests(t *testing.T) {
	for key, want := range map[string]string{"k3v4ne7t2q": "guest k3v4", "-_-": "guest", "\u200bä·1": "guest ä1"} {
		if got := (&client{me: identity{key: key}}).displayName(); got != want {
			t.Errorf("%q is called %q; want %q", key, got, want)
		}
	}
}

// FuzzBodies: no body makes a parser panic, and a written destination is read as the same.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"key":"abc","body":{"type":"offer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n"}}`,
		`{"key":"abc","body":{"candidate":"candidate:1 1 udp 1 192.0.2.1 1 typ host","sdpMid":"0","sdpMLineIndex":0}}`,
		`{"key":1}`, `"abc"`, "1000,0", "1.0,1.1,1.2", "/app/peer/offer/abc/yard", "/app/call/key", "/app/peer/offer//", "v=0\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := parseDescription(text, "offer"); err == nil {
			_, _ = peer.Inspect(m.Body.SDP)
			_ = originID(m.Body.SDP)
		}
		_, _ = parseCandidate(text)
		if _, _, err := heartBeat(text); err == nil && text != "" && !strings.Contains(text, ",") {
			t.Errorf("%q is two numbers", text)
		}
		_, _ = agree(headers{{"accept-version", text}})
		if d, ok := parseDestination(text, toServer); ok && d.topic != topicUnknown {
			if again, ok := parseDestination(d.String(), fromServer); !ok || again != d {
				t.Errorf("%q is %+v, then %+v", text, d, again)
			}
		}
	})
}
