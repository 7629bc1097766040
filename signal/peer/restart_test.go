package peer

import (
	"regexp"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

var ufragLine = regexp.MustCompile(`a=ice-ufrag:(\S+)`)

func ufragOf(t *testing.T, text string) string {
	t.Helper()
	found := ufragLine.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no credentials in\n%s", text)
	}
	return found[1]
}

// TestRestart: with new credentials on both sides media continue in the same tracks, over UDP and TCP, after each of
// several restarts.
func TestRestart(t *testing.T) {
	for name, cfg := range map[string]Config{"udp": {UDP: "127.0.0.1:0"}, "tcp": {UDP: "127.0.0.1:0", TCP: "127.0.0.1:0"}} {
		t.Run(name, func(t *testing.T) {
			types := map[string]webrtc.NetworkType{"udp": webrtc.NetworkTypeUDP4, "tcp": webrtc.NetworkTypeTCP4}
			c := newCaller(t, openEngine(t, cfg), onLoopback(types[name]), webrtc.Configuration{})
			c.call(nil)
			c.awaitMedia("at first")
			ours := ufragOf(t, c.pc.RemoteDescription().SDP)
			for range 3 {
				answer, err := c.peer.Restart(c.offer(true))
				if err != nil {
					t.Fatal(err)
				}
				next := ufragOf(t, answer)
				if next == ours || !strings.Contains(answer, "a=end-of-candidates") {
					t.Errorf("answered with credentials %s after %s; want other ones, and all candidates:\n%s", next, ours, answer)
				}
				ours = next
				c.accept(answer)
				c.awaitMedia("after a restart")
			}
			if c.peer.Err() != nil {
				t.Error(c.peer.Err())
			}
		})
	}
}

// TestRestartICE uses only the credentials of the client's new offer, and adds its candidates one by one.
func TestRestartICE(t *testing.T) {
	c := newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	_, err := c.peer.RestartICE("abcd", strings.Repeat("x", 22))
	wantRefusal(t, err, CodeUnexpected, "before the offer")
	c.call(nil)
	c.awaitMedia("at first")
	o, err := readOffer(c.offer(true))
	if err != nil {
		t.Fatal(err)
	}
	for ufrag, pwd := range map[string]string{"abc": strings.Repeat("x", 22), "abcd": "short", "a\r\nd": strings.Repeat("x", 22)} {
		_, err = c.peer.RestartICE(ufrag, pwd)
		wantRefusal(t, err, CodeBadSDP, "ICE credentials")
	}
	answer, err := c.peer.RestartICE(o.credentials().ufrag, o.credentials().pwd)
	if err != nil {
		t.Fatal(err)
	}
	c.accept(answer)
	for _, candidate := range o.candidates() {
		if err = c.peer.AddCandidate(Candidate{Candidate: "candidate:" + candidate.Value}); err != nil {
			t.Error(err)
		}
	}
	c.awaitMedia("after the restart")
	_, err = c.peer.RestartICE(o.credentials().ufrag, o.credentials().pwd)
	wantRefusal(t, err, CodeSecondOffer, "ICE credentials of the first")
}

// TestRestartChangesNothingElse: an offer that is no ICE restart of the same connection is refused, and the connection
// continues.
func TestRestartChangesNothingElse(t *testing.T) {
	c := newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	c.call(nil)
	c.awaitMedia("at first")
	first := c.pc.LocalDescription().SDP
	again := strings.ReplaceAll(first, "a=ice-ufrag:", "a=ice-ufrag:x")
	_, err := c.peer.Restart(first)
	wantRefusal(t, err, CodeSecondOffer, "ICE credentials of the first")
	video := again[strings.Index(again, "m=video"):]
	line := regexp.MustCompile(`a=fingerprint:\S+ (\S+)`).FindStringSubmatch(again)
	for word, offer := range map[string]string{
		"cannot be used":     "v=0\r\n",
		"another connection": strings.ReplaceAll(again, line[1], "00:"+line[1][3:]),
		"media sections":     again + video,
		"direction":          strings.Replace(again, "a=sendrecv", "a=sendonly", 1),
		"name (a=mid)":       strings.Replace(again, "a=mid:", "a=mid:x", 1),
		"kind of media":      strings.Replace(again, "m=audio", "m=video", 1),
		"codecs":             strings.Replace(again, "a=rtpmap:96 VP8", "a=rtpmap:96 H264", 1),
		"layers":             strings.Replace(again, "m=video", "m=video", 1) + "a=simulcast:send a;b\r\n",
	} {
		_, err := c.peer.Restart(offer)
		if word == "kind of media" || word == "codecs" { // may be unusable for another reason as well
			word = "second offer"
		}
		wantRefusal(t, err, CodeSecondOffer, word)
	}
	c.awaitMedia("after offers that were refused")
}
