package peer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// wantRefusal wants a refusal with a code and a word of its message.
func wantRefusal(t *testing.T, err error, code, word string) {
	t.Helper()
	var r *refusal.Error
	if !errors.As(err, &r) || r.Code != code || !strings.Contains(r.Message, word) {
		t.Errorf("got %v; want %s with %q", err, code, word)
	}
}

// TestServerOffers: the server offers the mix, and the client answers.
func TestServerOffers(t *testing.T) {
	c := newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	wantRefusal(t, c.peer.Accept(c.offer(false)), CodeUnexpected, "no offer")
	c = newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	if _, err := c.peer.Offer(); err != nil {
		t.Fatal(err)
	}
	offer, err := c.peer.Gather(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	video, audio, _ := strings.Cut(offer, "m=audio ")
	_, video, _ = strings.Cut(video, "m=video ")
	first := strings.Fields(video)[2]
	if !strings.Contains(video, "a=rtpmap:"+first+" H264/90000") || !strings.Contains(video, "VP8/90000") ||
		!strings.Contains(audio, "opus/48000") || strings.Count(offer, "a=sendrecv") != 2 {
		t.Errorf("we offer\n%s\nwant H.264, VP8 and Opus both ways", offer)
	}
	wantRefusal(t, c.peer.Accept("v=0\r\n"), CodeBadSDP, "SDP")
	if err = c.peer.AddCandidate(Candidate{Candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host"}); err != nil {
		t.Errorf("a candidate before the answer: %v", err)
	}
	if err = c.peer.Accept(c.answer(offer)); err != nil {
		t.Fatal(err)
	}
	c.awaitMedia("after an offer of the server")
	if got := c.peer.Codec(); got != mixer.H264 {
		t.Errorf("the video is %q; want our first preference", got)
	}
	wantRefusal(t, c.peer.Accept(offer), CodeUnexpected, "no offer")
	_, err = c.peer.Offer()
	wantRefusal(t, err, CodeSecondOffer, "second offer")
	_, err = c.peer.Answer(offer)
	wantRefusal(t, err, CodeSecondOffer, "second offer")
	_, err = c.peer.RestartICE("abcd", strings.Repeat("x", 22))
	wantRefusal(t, err, CodeSecondOffer, "who made it")
}

// answer is the client's answer with all its candidates.
func (c *caller) answer(offer string) string {
	c.t.Helper()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.pc.CreateAnswer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(answer); err != nil {
		c.t.Fatal(err)
	}
	return c.gather()
}

func TestGather(t *testing.T) {
	p := openEngine(t, Config{}).NewPeer(Options{}, quiet)
	_, err := p.Gather(t.Context())
	wantRefusal(t, err, CodeUnexpected, "before the offer")
	if _, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionRecvonly, webrtc.RTPTransceiverDirectionRecvonly)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		answer, err := p.Gather(t.Context())
		if err != nil || !strings.Contains(answer, " typ host") || !strings.Contains(answer, "a=end-of-candidates") {
			t.Errorf("got %v, %s; want an answer with all candidates", err, answer)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Gather(ctx); err != nil && !errors.Is(err, context.Canceled) {
		wantRefusal(t, err, CodeUnexpected, "over")
	}
}
