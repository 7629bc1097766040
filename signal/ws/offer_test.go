package ws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/signaltest/await"
)

// offerFor is an offer to receive these formats, one section each.
func offerFor(t *testing.T, mimes ...string) string {
	t.Helper()
	m := &webrtc.MediaEngine{}
	for i, mime := range mimes {
		kind, capability := webrtc.RTPCodecTypeVideo, webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
		if strings.HasPrefix(mime, "audio/") {
			kind, capability = webrtc.RTPCodecTypeAudio, webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 48000, Channels: 2}
		}
		err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: webrtc.PayloadType(96 + i)}, kind)
		if err != nil {
			t.Fatal(err)
		}
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	for _, mime := range mimes {
		kind := webrtc.NewRTPCodecType(strings.Split(mime, "/")[0])
		if _, err = pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

// TestBadOffers: no video, unknown codecs, no credentials, a second offer. The connection goes on,
// and a good offer is answered after the bad ones.
func TestBadOffers(t *testing.T) {
	s := serve(t, setup{})
	w := s.witness(t)
	x := s.stranger(t)
	x.join("stranger")
	good := offerFor(t, webrtc.MimeTypeVP8)
	offer := func(sdp string) { x.sayJSON(map[string]string{"type": "offer", "sdp": sdp}) }
	for _, c := range []struct {
		sdp   string
		words []string
	}{
		{offerFor(t, webrtc.MimeTypeOpus), []string{"no video section", "VP8", "H.264"}},
		{offerFor(t, webrtc.MimeTypeAV1), []string{"offers only AV1", "VP8", "H.264"}},
		{offerFor(t, webrtc.MimeTypeVP8, webrtc.MimeTypePCMU), []string{"offers only PCMU", "opus"}},
		{strings.ReplaceAll(good, "a=ice-", "a=no-"), []string{"ice-ufrag"}},
		{strings.ReplaceAll(good, "a=fingerprint", "a=no"), []string{"fingerprint"}},
		{strings.Repeat("v=0\r\n", 1000), []string{"cannot be read"}},
	} {
		offer(c.sdp)
		x.wantError("bad_sdp", c.words...)
	}
	offer(good)
	if answer, _ := x.hear("answer")["sdp"].(string); !strings.Contains(answer, "VP8") {
		t.Errorf("the answer has no VP8:\n%s", answer)
	}
	candidate := x.hear("candidate")
	if text, _ := candidate["candidate"].(string); !strings.HasPrefix(text, "candidate:") || candidate["sdpMid"] == nil {
		t.Errorf("got candidate %v; want what addIceCandidate takes", candidate)
	}
	x.sayJSON(map[string]any{"type": "candidate", "candidate": "nonsense", "sdpMid": "0"})
	x.wantError("bad_candidate", "accepted")
	x.sayJSON(map[string]any{"type": "candidate", "candidate": map[string]any{"candidate": "candidate:1 1 udp 1 192.0.2.1 1 typ host", "sdpMid": "0"}})
	offer(good)
	x.wantError("second_offer", "one per connection")
	x.alive()
	await.Until(t, "the stranger is still a participant", func() bool { return len(w.viewer.Participants()) == 2 })
	x.say(`{"type":"leave"}`)
	x.wantClose(websocket.CloseNormalClosure)
	w.undisturbedAlone()
}

// connect goes from the offer to a connection with one video section of this direction.
func (x *stranger) connect(direction webrtc.RTPTransceiverDirection) *webrtc.PeerConnection {
	x.t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = pc.GracefulClose() })
	if _, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
		x.t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if err = pc.SetLocalDescription(offer); err != nil {
		x.t.Fatal(err)
	}
	x.sayJSON(map[string]string{"type": "offer", "sdp": offer.SDP})
	answer, _ := x.hear("answer")["sdp"].(string)
	if err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		x.t.Fatal(err)
	}
	candidate, _ := x.hear("candidate")["candidate"].(string)
	if err = pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: candidate, SDPMid: new(string)}); err != nil {
		x.t.Fatal(err)
	}
	return pc
}

// TestRestart: the answer to an ICE restart has all candidates, and the video goes on in the same track without another
// join.
func TestRestart(t *testing.T) {
	s := serve(t, setup{})
	x := s.stranger(t)
	x.say(`{"type":"join","room":"yard"}`)
	x.hear("joined")
	packets := make(chan struct{}, 1)
	pc := x.connect(webrtc.RTPTransceiverDirectionRecvonly)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			select {
			case packets <- struct{}{}:
			default:
			}
		}
	})
	x.hear("rendition")
	before := pc.RemoteDescription().SDP
	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err = pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	x.sayJSON(map[string]string{"type": "offer", "sdp": offer.SDP})
	answer, _ := x.hear("answer")["sdp"].(string)
	if !strings.Contains(answer, "a=end-of-candidates") || ufragOf(answer) == ufragOf(before) {
		t.Errorf("answered\n%s\nwant other credentials than %s, and all candidates", answer, ufragOf(before))
	}
	if err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	select { // one that waited since before the restart
	case <-packets:
	default:
	}
	select {
	case <-packets:
	case <-time.After(30 * time.Second):
		t.Error("no picture comes after the restart")
	}
	x.alive()
}

func ufragOf(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	return strings.Fields(rest)[0]
}

// wantSize checks the size of the next rendition.
func (x *stranger) wantSize(w, h int) {
	x.t.Helper()
	if m := x.hear("rendition"); m["w"] != float64(w) || m["h"] != float64(h) {
		x.t.Errorf("told of %vx%v; want %dx%d", m["w"], m["h"], w, h)
	}
}

// TestRungs: a rung selects the largest size up to it. Every request is confirmed by a rendition, also one that changes
// nothing.
func TestRungs(t *testing.T) {
	s := serve(t, setup{})
	x := s.stranger(t)
	x.say(`{"type":"join","room":"yard","rung":"360p"}`)
	x.hear("joined")
	x.say(`{"type":"view","rung":"180p"}`) // the answer comes when media flows
	x.connect(webrtc.RTPTransceiverDirectionRecvonly)
	x.wantSize(320, 180)
	for _, c := range []struct {
		rung string
		h    int
	}{{"1080p", 360}, {"720p", 360}, {"200p", 180}, {"90p", 180}, {"360p", 360}, {"auto", 360}, {"180p", 180}, {"", 360}} {
		x.sayJSON(map[string]string{"type": "view", "rung": c.rung})
		x.wantSize(c.h*16/9, c.h)
	}
}

// TestViewWithoutVideo: a client that receives no video gets an error for a view, and its connection goes on.
func TestViewWithoutVideo(t *testing.T) {
	s := serve(t, setup{})
	x := s.stranger(t)
	x.join("me")
	x.connect(webrtc.RTPTransceiverDirectionSendonly)
	x.say(`{"type":"view","view":"main"}`)
	x.wantError("unexpected", "no picture", "accepted")
	x.alive()
}
