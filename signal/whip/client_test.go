package whip_test

import (
	"image"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"azulejo/codec"
	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest"
)

// caller is a client of either protocol on pion. It trickles: its offer has no candidates.
type caller struct {
	t  *testing.T
	s  *server
	pc *webrtc.PeerConnection

	location string
	tag      string
	header   http.Header // of the 201
	token    []string    // headers of every request

	video, audio *webrtc.TrackLocalStaticSample // published; nil: none

	tv    *mixertest.Screen
	limit atomic.Int64 // of the published video (REMB), in bits a second; zero before the first

	mu      sync.Mutex
	waiting []webrtc.ICECandidateInit // until there is a tag
	sounds  int                       // packets
}

// newCaller makes a connection that lives as long as the test.
func (s *server) newCaller(t *testing.T, token ...string) *caller {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	r := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(m, r); err != nil {
		t.Fatal(err)
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") })
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{t: t, s: s, pc: pc, token: token, tv: mixertest.NewScreen(t, mixer.Size{W: width, H: height}, tolerance)}
	pc.OnICECandidate(c.trickle)
	t.Cleanup(func() { _ = pc.GracefulClose() }) // it may be closed already
	return c
}

// sends adds a track of a codec.
func (c *caller) sends(mime string) *webrtc.TrackLocalStaticSample {
	c.t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, mime, "caller")
	if err != nil {
		c.t.Fatal(err)
	}
	section, err := c.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		c.t.Fatal(err)
	}
	go signaltest.ReadREMB(section.Sender(), &c.limit)
	return track
}

// receives adds sections of these kinds.
func (c *caller) receives(kinds ...webrtc.RTPCodecType) {
	c.t.Helper()
	c.pc.OnTrack(c.track)
	for _, kind := range kinds {
		if _, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// offer is the connection's, without candidates.
func (c *caller) offer() string {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	return offer.SDP
}

// ask is server.ask with the token.
func (c *caller) ask(method, path, body string, header ...string) answer {
	c.t.Helper()
	return c.s.ask(c.t, method, path, body, append(header, c.token...)...)
}

// call posts an offer to an endpoint and sets the answer; candidates follow by PATCH.
func (c *caller) call(endpoint string) {
	c.t.Helper()
	a := c.ask(http.MethodPost, endpoint, c.offer(), "Content-Type", "application/sdp")
	if a.status != http.StatusCreated || a.header.Get("Content-Type") != "application/sdp" {
		c.t.Fatalf("POST %s: %d, %s", endpoint, a.status, a.body)
	}
	if !strings.Contains(a.body, "a=candidate:") || !strings.Contains(a.body, "a=end-of-candidates") {
		c.t.Errorf("the answer has not all our candidates:\n%s", a.body)
	}
	c.location, c.header = a.header.Get("Location"), a.header
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.body}); err != nil {
		c.t.Fatalf("%v\n%s", err, a.body)
	}
	c.mu.Lock()
	c.tag = a.header.Get("ETag")
	tag, waiting := c.tag, c.waiting
	c.waiting = nil
	c.mu.Unlock()
	c.send(tag, waiting)
}

// trickle sends a candidate, or stores it until the tag of the ICE session is known.
func (c *caller) trickle(candidate *webrtc.ICECandidate) {
	if candidate == nil {
		return
	}
	c.mu.Lock()
	tag := c.tag
	if tag == "" {
		c.waiting = append(c.waiting, candidate.ToJSON())
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.send(tag, []webrtc.ICECandidateInit{candidate.ToJSON()})
}

// send sends candidates of the ICE session that tag names.
func (c *caller) send(tag string, candidates []webrtc.ICECandidateInit) {
	if len(candidates) == 0 {
		return
	}
	body := "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
	for _, candidate := range candidates {
		body += "a=" + candidate.Candidate + "\r\n"
	}
	a := c.patch(tag, body)
	c.mu.Lock()
	late := c.tag != tag // a restart overtook it
	c.mu.Unlock()
	if late && a.status == http.StatusPreconditionFailed {
		return
	}
	if a.status != http.StatusNoContent || a.header.Get("ETag") != "" {
		c.t.Errorf("PATCH of candidates: %d, %v, %s; want 204 without ETag", a.status, a.header, a.body)
	}
}

func (c *caller) patch(match, body string) answer {
	c.t.Helper()
	return c.ask(http.MethodPatch, c.location, body, "Content-Type", "application/trickle-ice-sdpfrag", "If-Match", match)
}

// restart restarts ICE.
func (c *caller) restart() {
	c.t.Helper()
	before, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	old := c.tag
	c.tag = "" // candidates of the new session wait for its tag
	c.mu.Unlock()
	remote := c.pc.RemoteDescription().SDP
	if err = c.pc.SetLocalDescription(before); err != nil {
		c.t.Fatal(err)
	}
	a := c.patch("*", "a=ice-ufrag:"+attribute(before.SDP, "ice-ufrag")+"\r\na=ice-pwd:"+attribute(before.SDP, "ice-pwd")+"\r\n")
	tag := a.header.Get("ETag")
	if a.status != http.StatusOK || tag == "" || tag == old || a.header.Get("Content-Type") != "application/trickle-ice-sdpfrag" {
		c.t.Fatalf("PATCH of a restart: %d, %v, %s; want 200 with another ETag than %s", a.status, a.header, a.body, old)
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd"} {
		was, is := attribute(remote, key), attribute(a.body, key)
		if is == "" || is == was {
			c.t.Fatalf("our %s after a restart is %q, before it was %q\n%s", key, is, was, a.body)
		}
		remote = strings.ReplaceAll(remote, "a="+key+":"+was, "a="+key+":"+is)
	}
	if err = c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: remote}); err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.tag = tag
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	c.send(tag, waiting)
	if stale := c.patch(old, "a=end-of-candidates\r\n"); stale.status != http.StatusPreconditionFailed {
		c.t.Errorf("a PATCH for the ICE session before: %d; want 412", stale.status)
	}
}

// attribute is the first value of one in a description.
func attribute(text, key string) string {
	_, rest, _ := strings.Cut(text, "a="+key+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

func (c *caller) end() {
	c.t.Helper()
	if a := c.ask(http.MethodDelete, c.location, "", "If-Match", `"ignored"`); a.status != http.StatusOK {
		c.t.Errorf("DELETE: %d, %s; want 200", a.status, a.body)
	}
}

// publish calls a WHIP endpoint and sends a picture, and a tone if hz is not zero.
func (c *caller) publish(endpoint string, p mixertest.Video, hz float64) *caller {
	c.t.Helper()
	mime := webrtc.MimeTypeH264
	if p.Codec == mixer.VP8 {
		mime = webrtc.MimeTypeVP8
	}
	c.video = c.sends(mime)
	if hz != 0 {
		c.audio = c.sends(webrtc.MimeTypeOpus)
	}
	c.call(endpoint)
	signaltest.Play(c.t, p.Packets(c.t), func(u mixer.Packet) error { return sample(c.video, u, time.Second/pictureRate) })
	if hz != 0 {
		signaltest.Play(c.t, mixertest.Tone(c.t, hz), func(u mixer.Packet) error { return sample(c.audio, u, 20*time.Millisecond) })
	}
	return c
}

func sample(to *webrtc.TrackLocalStaticSample, u mixer.Packet, d time.Duration) error {
	return to.WriteSample(media.Sample{Data: u.Data, Duration: d})
}

// view calls a WHEP endpoint and decodes what it receives.
func (c *caller) view(endpoint string) *caller {
	c.t.Helper()
	c.receives(webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio)
	c.call(endpoint)
	return c
}

// track decodes a received track until the connection ends.
func (c *caller) track(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	id := map[string]mixer.Codec{webrtc.MimeTypeH264: mixer.H264, webrtc.MimeTypeVP8: mixer.VP8, webrtc.MimeTypeOpus: mixer.Opus}[t.Codec().MimeType]
	units, err := depack.New(id, t.Codec().ClockRate)
	if err != nil {
		c.t.Errorf("track of %s: %v", t.Codec().MimeType, err)
		return
	}
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		for _, u := range units.Push(p) {
			c.take(u)
		}
	}
}

func (c *caller) take(u mixer.Packet) {
	if u.Codec.IsVideo() {
		c.tv.Decode(u)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sounds++
}

// sees tells whether the newest frame has a colour in its middle.
func (c *caller) sees(colour codec.Colour) func() bool {
	return func() bool {
		got, ok := c.tv.Mean(func(all image.Rectangle) image.Rectangle { return all.Inset(min(all.Dx(), all.Dy()) / 3) })
		return ok && mixertest.Near(got, colour, tolerance)
	}
}

// counted returns the received frames and audio packets.
func (c *caller) counted() (pictures, sounds int) {
	pictures, _ = c.tv.Shown()
	c.mu.Lock()
	defer c.mu.Unlock()
	return pictures, c.sounds
}

// width is that of the newest frame.
func (c *caller) width() int {
	_, size := c.tv.Shown()
	return size.W
}
