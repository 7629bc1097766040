package stomp

import (
	"strings"
	"testing"

	"azulejo/signal/room"
)

// TestWhatIsSent: directions of sections in use decide, and so does what the offer says of itself.
func TestWhatIsSent(t *testing.T) {
	const head = "v=0\r\no=- 42 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	section := func(kind, port, attribute string) string {
		return "m=" + kind + " " + port + " UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=" + attribute + "\r\n"
	}
	for text, want := range map[string]room.Media{
		"": {},
		section("video", "9", "sendrecv") + section("audio", "9", "recvonly"):                                     {Video: true},
		section("video", "9", "recvonly") + section("audio", "9", "sendonly"):                                     {Audio: true},
		section("video", "9", "mid:0"):                                                                            {Video: true},
		section("video", "0", "sendrecv") + section("audio", "9", "inactive"):                                     {},
		section("video", "0", "bundle-only"):                                                                      {Video: true},
		section("video", "9", "recvonly") + section("video", "9", "sendonly") + section("audio", "9", "inactive"): {Video: true},
	} {
		got, session, err := sent(head + text)
		if err != nil || got != want || session != 42 {
			t.Errorf("%s: %+v in session %d (%v); want %+v in 42", text, got, session, err, want)
		}
	}
}

func TestNamesOfGuests(t *testing.T) {
	for key, want := range map[string]string{"k3v4ne7t2q": "guest k3v4", "-_-": "guest", "\u200bä·1": "guest ä1"} {
		if got := (&session{me: identity{key: key}}).displayName(); got != want {
			t.Errorf("%q is called %q; want %q", key, got, want)
		}
	}
}

// FuzzBodies: nothing that a client says breaks what reads it, and destinations are read as they are written.
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
			_, _, _ = sent(m.Body.SDP)
		}
		_, _ = parseCandidate(text)
		_, _, _ = sent(text)
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
