package stomp

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"azulejo/codec"
	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/peer"
	"azulejo/signal/signaltest"
)

// caller is the peer connection of a client. It publishes video of one colour, or nothing, and decodes what it receives.
type caller struct {
	t       *testing.T
	pc      *webrtc.PeerConnection
	tv      *mixertest.Screen
	ear     *mixertest.Listener // nil: audio is discarded
	found   chan peer.Candidate // its candidates
	streams chan string         // stream ids of the received tracks
	times   sync.Map            // RTP timestamps of the received frames: uint32
	limit   atomic.Int64        // of the published video (REMB), in bits a second; zero before the first
}

// colours that tests can tell apart.
func colours() []codec.Colour {
	return []codec.Colour{codec.RGB(220, 30, 30), codec.RGB(30, 200, 30), codec.RGB(40, 60, 230)}
}

// newCaller makes a connection that is closed when the test ends, or by end. A nil colour publishes nothing.
func newCaller(t *testing.T, colour *codec.Colour) (c *caller, end func()) {
	t.Helper()
	return newCallerBy(t, colour, webrtc.SettingEngine{})
}

// frailCaller is a caller whose network drops all its packets once cut is called.
func frailCaller(t *testing.T, colour *codec.Colour) (c *caller, cut func()) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	net := &frailConn{PacketConn: conn}
	mux := webrtc.NewICEUDPMux(nil, net)
	t.Cleanup(func() { _ = mux.Close() })
	var s webrtc.SettingEngine
	s.SetICEUDPMux(mux)
	c, _ = newCallerBy(t, colour, s)
	return c, func() { net.cut.Store(true) }
}

type frailConn struct {
	net.PacketConn
	cut atomic.Bool
}

func (c *frailConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.cut.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

func newCallerBy(t *testing.T, colour *codec.Colour, s webrtc.SettingEngine) (c *caller, end func()) {
	t.Helper()
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c = &caller{t: t, pc: pc, tv: mixertest.NewScreen(t, mixer.Size{W: width, H: height}, 12), found: make(chan peer.Candidate, 100), streams: make(chan string, 10)}
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		c.streams <- track.StreamID()
		working.Go(func() { c.watch(track) })
	})
	pc.OnICECandidate(func(found *webrtc.ICECandidate) {
		if found != nil {
			c.found <- found.ToJSON()
		}
	})
	if colour != nil {
		track, sender := c.publish()
		picture := still(*colour).Packets(t)[0].Data
		working.Go(func() { play(ctx, track, picture) })
		working.Go(func() { signaltest.ReadREMB(sender, &c.limit) })
	}
	end = sync.OnceFunc(func() {
		cancel()
		if err := pc.GracefulClose(); err != nil {
			t.Error(err)
		}
		working.Wait()
	})
	t.Cleanup(end)
	return c, end
}

func (c *caller) publish() (*webrtc.TrackLocalStaticSample, *webrtc.RTPSender) {
	c.t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "mine")
	if err != nil {
		c.t.Fatal(err)
	}
	sender, err := c.pc.AddTrack(track)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		c.t.Fatal(err)
	}
	return track, sender
}

// speak adds a microphone, which is silent until something is written to it.
func (c *caller) speak() *webrtc.TrackLocalStaticSample {
	c.t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "mine")
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.pc.AddTrack(track); err != nil {
		c.t.Fatal(err)
	}
	return track
}

// receive adds a section that only receives.
func (c *caller) receive(kind string) {
	c.t.Helper()
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := c.pc.AddTransceiverFromKind(webrtc.NewRTPCodecType(kind), init); err != nil {
		c.t.Fatal(err)
	}
}

// still is the video of a caller of that colour.
func still(colour codec.Colour) mixertest.Video {
	return mixertest.Video{Codec: mixer.VP8, Width: 160, Height: 90, FPS: 10, Colour: colour}
}

// play sends a keyframe ten times a second.
func play(ctx context.Context, track *webrtc.TrackLocalStaticSample, picture []byte) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = track.WriteSample(media.Sample{Data: picture, Duration: 100 * time.Millisecond}) // it may not be connected yet
		}
	}
}

// watch decodes a track until the connection ends.
func (c *caller) watch(track *webrtc.TrackRemote) {
	id := map[string]mixer.Codec{webrtc.MimeTypeVP8: mixer.VP8, webrtc.MimeTypeH264: mixer.H264, webrtc.MimeTypeOpus: mixer.Opus}[track.Codec().MimeType]
	units, err := depack.New(id, track.Codec().ClockRate)
	if err != nil {
		c.t.Error(err)
		return
	}
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if id != mixer.Opus {
			c.times.Store(p.Timestamp, true)
		}
		for _, unit := range units.Push(p) {
			c.take(unit)
		}
	}
}

func (c *caller) take(unit mixer.Packet) {
	switch {
	case unit.Codec != mixer.Opus:
		c.tv.Decode(unit)
	case c.ear != nil:
		c.ear.Decode(unit)
	}
}

// shows tells whether the newest frame is the mix of exactly these colours.
func (c *caller) shows(all ...codec.Colour) bool {
	var pictures []mixertest.Video
	for _, colour := range all {
		pictures = append(pictures, still(colour))
	}
	return c.tv.ShowsAll(pictures...)
}

// offer makes an offer; the candidates go to found.
func (c *caller) offer(options *webrtc.OfferOptions) string {
	c.t.Helper()
	o, err := c.pc.CreateOffer(options)
	if err == nil {
		err = c.pc.SetLocalDescription(o)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return o.SDP
}

// answer answers an offer as Flutter's client does, with the other DTLS role.
func (c *caller) answer(offer string) string {
	c.t.Helper()
	offer = strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:active")
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		c.t.Fatal(err)
	}
	a, err := c.pc.CreateAnswer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(a)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return a.SDP
}

// accept sets the server's answer.
func (c *caller) accept(answer string) {
	c.t.Helper()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatal(err)
	}
}

// described reads the description of a MESSAGE.
func described(t *testing.T, f frame, kind, from string) string {
	t.Helper()
	var m descriptionMessage
	if err := json.Unmarshal([]byte(f.body), &m); err != nil || m.Key != from || m.Body.Type != kind {
		t.Fatalf("%s from %s: got %s (%v)", kind, from, f.body, err)
	}
	return m.Body.SDP
}

// trickle sends the candidates that the caller has found so far, at least one.
func (x *stranger) trickle(c *caller, key, to string) {
	x.t.Helper()
	first := <-c.found
	x.say("SEND", asJSON(candidateMessage{key, &first}), header{"destination", to})
	for {
		select {
		case found := <-c.found:
			x.say("SEND", asJSON(candidateMessage{key, &found}), header{"destination", to})
		default:
			return
		}
	}
}

// takeCandidates adds the next candidate of the server.
func (x *stranger) takeCandidates(c *caller, key, in, from string) {
	x.t.Helper()
	f := x.hearFrom("/topic/peer/iceCandidate/" + key + "/" + in)
	var m candidateMessage
	if err := json.Unmarshal([]byte(f.body), &m); err != nil || m.Key != from || m.Body == nil || m.Body.SDPMid == nil || *m.Body.SDPMid == "" || m.Body.SDPMLineIndex == nil {
		x.t.Fatalf("a candidate %s (%v); want key, body.candidate, sdpMid and sdpMLineIndex", f.body, err)
	}
	if err := c.pc.AddICECandidate(*m.Body); err != nil {
		x.t.Errorf("candidate %s: %v", f.body, err)
	}
}
