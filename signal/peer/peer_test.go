package peer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/refusal"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(quiet)
	goleak.VerifyTestMain(m)
}

var quiet = slog.New(slog.DiscardHandler)

// openEngine opens one on the loopback interface until the test ends.
func openEngine(t *testing.T, cfg Config) *Engine {
	t.Helper()
	if cfg.UDP == "" {
		cfg.UDP = "127.0.0.1:0"
	}
	e, err := NewEngine(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		rate uint32
		want uint32
	}{
		{0, 90000, 0},
		{time.Second, 90000, 90000},
		{time.Second / 3, 90000, 30000},
		{20 * time.Millisecond, 48000, 960},
		{365 * 24 * time.Hour, 90000, uint32(365 * 24 * 3600 * 90000 % (1 << 32))},
		{-20 * time.Millisecond, 48000, 1<<32 - 960},
	} {
		if got := ticks(c.d, c.rate); got != c.want {
			t.Errorf("%v at %d Hz: got %d; want %d", c.d, c.rate, got, c.want)
		}
	}
}

func TestBestCodec(t *testing.T) {
	one := func(mime, fmtp string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, SDPFmtpLine: fmtp}}
	}
	vp8 := one("video/VP8", "")
	rtx := one("video/rtx", "apt=96")
	main := one("video/H264", "packetization-mode=1;profile-level-id=4d001f")
	baseline := one("video/h264", "profile-level-id=42E01F; packetization-mode=1")
	mode0 := one("video/H264", "packetization-mode=0;profile-level-id=42e01f")
	for _, c := range []struct {
		name string
		in   []webrtc.RTPCodecParameters
		want string
	}{
		{"H.264 before VP8", []webrtc.RTPCodecParameters{vp8, rtx, main}, main.SDPFmtpLine},
		{"constrained baseline first", []webrtc.RTPCodecParameters{main, vp8, baseline}, baseline.SDPFmtpLine},
		{"VP8 rather than mode 0", []webrtc.RTPCodecParameters{mode0, rtx, vp8}, vp8.SDPFmtpLine},
		{"nothing usable", []webrtc.RTPCodecParameters{mode0, rtx}, "none"},
	} {
		got, ok := bestCodec(c.in)
		if !ok {
			got.SDPFmtpLine = "none"
		}
		if got.SDPFmtpLine != c.want {
			t.Errorf("%s: got %q; want %q", c.name, got.SDPFmtpLine, c.want)
		}
	}
}

func TestProfiles(t *testing.T) {
	for level, want := range map[string]string{
		"42e01f": "constrained baseline", "42E01F": "constrained baseline", "42400b": "constrained baseline", "42c028": "constrained baseline",
		"4d801f": "constrained baseline", "42001f": "baseline", "42801f": "baseline", "4d001f": "main", "4d401f": "main",
		"640c1f": "constrained high", "64001f": "high", "58001f": "", "42011f": "", "6e001f": "", "42e0": "", "": "", "x2e01f": "",
	} {
		got := ""
		if i := profileOf("packetization-mode=1;profile-level-id=" + level); i >= 0 {
			got = profiles[i].name
		}
		if got != want {
			t.Errorf("%s: got %q; want %q", level, got, want)
		}
	}
}

// newTestReader makes a trackReader whose packets are appended to out.
func newTestReader(out *[]mixer.Packet) *trackReader {
	capability := func(mime string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}}
	}
	return &trackReader{
		codecs: map[uint8]webrtc.RTPCodecParameters{96: capability("video/VP8"), 102: capability("video/H264"), 97: capability("video/rtx")},
		output: func(p mixer.Packet) { *out = append(*out, p) }, log: quiet, counts: &counts{}, afterBreak: true,
	}
}

var (
	vp8Key  = []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 1, 2, 3}
	h264Key = bytes.Join([][]byte{{}, {0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d, 0x40}, {0x68, 0xce, 0x3c, 0x80}, {0x65, 0x88, 0x84, 1, 2, 3}}, []byte{0, 0, 0, 1})
)

func TestCodecChangesWithPayloadType(t *testing.T) {
	var got []mixer.Packet
	r := newTestReader(&got)
	sequencer := rtp.NewFixedSequencer(65530)
	vp8 := rtp.NewPacketizer(1200, 96, 1, &codecs.VP8Payloader{}, sequencer, 90000)
	h264 := rtp.NewPacketizer(1200, 102, 1, &codecs.H264Payloader{}, sequencer, 90000)
	for i := range 12 {
		packetizer, accessUnit := vp8, vp8Key
		if i/3%2 == 1 {
			packetizer, accessUnit = h264, h264Key
		}
		for _, p := range packetizer.Packetize(accessUnit, 3000) {
			r.read(p)
		}
	}
	var order []mixer.Codec
	for _, p := range got {
		if first := len(order) == 0 || order[len(order)-1] != p.Codec; first {
			order = append(order, p.Codec)
			if !p.Lost {
				t.Errorf("the first %s access unit is not marked as following a break", p.Codec)
			}
		}
	}
	want := []mixer.Codec{mixer.VP8, mixer.H264, mixer.VP8, mixer.H264}
	if !slices.Equal(order, want) || len(got) != 12 {
		t.Errorf("got %d access units of %v; want 12 of %v", len(got), order, want)
	}
}

func TestUnusablePacketsAreCounted(t *testing.T) {
	var got []mixer.Packet
	r := newTestReader(&got)
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		p := &rtp.Packet{Payload: make([]byte, random.IntN(40))}
		p.PayloadType, p.SequenceNumber, p.Timestamp = []uint8{96, 102, 97, 13}[random.IntN(4)], uint16(random.Uint32()), random.Uint32()
		for i := range p.Payload {
			p.Payload[i] = byte(random.Uint32())
		}
		r.read(p)
	}
	if r.counts.packets.Load() != 5000 || r.counts.unusable.Load() < 1000 {
		t.Errorf("counted %d packets and %d unusable; want 5000 and about half", r.counts.packets.Load(), r.counts.unusable.Load())
	}
}

// TestSlowViewerWaitsForTheNextKeyframe fills a queue that is not read.
func TestSlowViewerWaitsForTheNextKeyframe(t *testing.T) {
	d := newDownstream(context.Background(), Options{})
	s := &videoSink{d: d}
	write := func(n int, key bool) {
		s.WritePacket(hub.NewPacket(mixer.Packet{Codec: mixer.H264, PTS: time.Duration(n), Key: key}))
	}
	for n := range backlog + 5 {
		write(n, n == 0)
	}
	for range backlog {
		<-d.queue
	}
	write(100, false) // fits, but refers to a frame that was dropped
	write(101, true)
	write(102, false)
	if first := <-d.queue; first.packet.PTS != 101 || len(d.queue) != 1 {
		t.Errorf("continued at access unit %d with %d behind it; want 101 and 1", first.packet.PTS, len(d.queue))
	}
	if got := d.dropped.Load(); got != 6 {
		t.Errorf("counted %d dropped; want 6", got)
	}
}

func TestConfigNamesTheBadField(t *testing.T) {
	for want, cfg := range map[string]Config{
		"webrtc.udp and webrtc.tcp":          {},
		`webrtc.udp: "8189"`:                 {UDP: "8189"},
		`webrtc.udp: ":99999"`:               {UDP: ":99999"},
		`webrtc.tcp: "host:1"`:               {TCP: "host:1"},
		`webrtc.public_ips[0]: "here"`:       {UDP: ":0", PublicIPs: []string{"here"}},
		`webrtc.ice_servers[0].urls[0]: "x"`: {UDP: ":0", ICEServers: []ICEServer{{URLs: []string{"x"}}}},
	} {
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want an error that begins with %s", err, want)
		}
	}
}

func TestEngineListensEverywhere(t *testing.T) {
	e := openEngine(t, Config{UDP: ":0", TCP: ":0", PublicIPs: []string{"203.0.113.7"}})
	if e.Addresses().UDP == 0 || e.Addresses().TCP == 0 {
		t.Fatalf("listens on %+v; want two ports", e.Addresses())
	}
	candidates := make(chan Candidate, 100)
	p := e.NewPeer(Options{OnCandidate: func(c Candidate) { candidates <- c }}, quiet)
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionRecvonly, webrtc.RTPTransceiverDirectionRecvonly)); err != nil {
		t.Fatal(err)
	}
	want := []string{"udp 127.0.0.1", "tcp 127.0.0.1", "udp 203.0.113.7"}
	deadline := time.After(10 * time.Second)
	for len(want) > 0 {
		select {
		case c := <-candidates:
			f := strings.Fields(c.Candidate)
			seen := strings.ToLower(f[2]) + " " + f[4]
			want = slices.DeleteFunc(want, func(w string) bool { return w == seen })
		case <-deadline:
			t.Fatalf("no candidates for %v", want)
		}
	}
}

// offerOf makes a browser-like offer with one section of video and one of audio, or none where
// the direction is inactive.
func offerOf(t *testing.T, video, audio webrtc.RTPTransceiverDirection) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	for kind, direction := range map[webrtc.RTPCodecType]webrtc.RTPTransceiverDirection{
		webrtc.RTPCodecTypeVideo: video, webrtc.RTPCodecTypeAudio: audio,
	} {
		if direction == webrtc.RTPTransceiverDirectionInactive {
			continue
		}
		if _, err = pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

func TestAnswerPrefersH264(t *testing.T) {
	p := openEngine(t, Config{}).NewPeer(Options{}, quiet)
	defer func() { _ = p.Close() }()
	answer, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionSendrecv))
	if err != nil {
		t.Fatal(err)
	}
	_, video, _ := strings.Cut(answer, "m=video ")
	line, rest, _ := strings.Cut(video, "\r\n")
	first := strings.Fields(line)[2]
	if want := "a=rtpmap:" + first + " H264/90000"; !strings.Contains(rest, want) {
		t.Errorf("the first codec of the answer is %s; want H264\n%s", first, answer)
	}
	if n := strings.Count(answer, "a=sendrecv"); n != 2 {
		t.Errorf("%d sections of the answer are sendrecv; want 2\n%s", n, answer)
	}
	if p.Codec() != mixer.H264 {
		t.Errorf("the downstream is %q; want h264", p.Codec())
	}
}

func TestOffersRefused(t *testing.T) {
	good := offerOf(t, webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionSendrecv)
	without := func(prefix string) string {
		var lines []string
		for _, line := range strings.Split(good, "\r\n") {
			if !strings.HasPrefix(line, prefix) {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "\r\n")
	}
	only := func(codec string) string {
		return strings.NewReplacer("VP8/", codec+"/", "H264/", codec+"/", "VP9/", codec+"/", "AV1/", codec+"/", "H265/", codec+"/").Replace(good)
	}
	e := openEngine(t, Config{})
	for _, c := range []struct{ name, sdp, found, accepted string }{
		{"empty", "", "no media at all", "accepted"},
		{"not SDP", "hello", "cannot be read", "createOffer"},
		{"binary", "\x00\xff\r\n\r\n", "cannot be read", "createOffer"},
		{"no video", offerOf(t, webrtc.RTPTransceiverDirectionInactive, webrtc.RTPTransceiverDirectionSendrecv), "no video section (found: audio)", "VP8"},
		{"no media", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "no media at all", "VP8"},
		{"unknown video", only("X-CODEC"), "X-CODEC", "H.264 with packetization-mode=1"},
		{"H.264 in mode 0 alone", strings.ReplaceAll(only("H264"), "packetization-mode=1", "packetization-mode=0"), "packetization-mode=0", "packetization-mode=1"},
		{"unknown audio", strings.ReplaceAll(strings.ReplaceAll(good, "opus/", "speex/"), "G722/", "speex/"), "the audio section offers only", "opus"},
		{"no ICE user", without("a=ice-ufrag"), "ICE credentials (a=ice-ufrag)", "accepted"},
		{"no ICE password", without("a=ice-pwd"), "ICE credentials (a=ice-pwd)", "accepted"},
		{"no fingerprint", without("a=fingerprint"), "DTLS fingerprint", "accepted"},
		{"no mid", without("a=mid"), "no a=mid", "unified-plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := e.NewPeer(Options{}, quiet)
			defer func() { _ = p.Close() }()
			_, err := p.Answer(c.sdp)
			var typed *refusal.Error
			if !errors.As(err, &typed) || typed.Code != CodeBadSDP ||
				!strings.Contains(err.Error(), c.found) || !strings.Contains(err.Error(), c.accepted) {
				t.Fatalf("got %v; want a %s error that says %q and %q", err, CodeBadSDP, c.found, c.accepted)
			}
			if _, err = p.Answer(good); err != nil {
				t.Errorf("a good offer after it: %v", err)
			}
			_, err = p.Answer(good)
			if !errors.As(err, &typed) || typed.Code != CodeSecondOffer {
				t.Errorf("a second offer: got %v; want %s", err, CodeSecondOffer)
			}
		})
	}
}

func TestCandidates(t *testing.T) {
	p := openEngine(t, Config{}).NewPeer(Options{}, quiet)
	defer func() { _ = p.Close() }()
	code := func(text string) string {
		err := p.AddCandidate(Candidate{Candidate: text})
		var typed *refusal.Error
		if errors.As(err, &typed) {
			return typed.Code
		}
		if err != nil {
			t.Errorf("candidate %q: %v", text, err)
		}
		return ""
	}
	if got := code("candidate:1 1 udp 1 192.0.2.1 1 typ host"); got != CodeUnexpected {
		t.Errorf("before the offer: got %q; want %s", got, CodeUnexpected)
	}
	if _, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionSendrecv)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"candidate:1 1 udp 1 192.0.2.1 1 typ host": "", "": "", "nonsense": CodeBadCandidate,
		"candidate:1 1 udp 1 b3c8ba1f-0000-4000-8000-000000000000.local 1 typ host": "",
	} {
		if got := code(text); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
	var last string
	for range maxCandidates {
		last = code("candidate:1 1 udp 1 192.0.2.1 1 typ host")
	}
	if last != CodeBadCandidate {
		t.Errorf("after %d candidates: got %q; want %s", maxCandidates, last, CodeBadCandidate)
	}
}

func TestSilentClientIsGivenUp(t *testing.T) {
	p := openEngine(t, Config{Timeout: time.Second}).NewPeer(Options{}, quiet)
	defer func() { _ = p.Close() }()
	if _, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionSendrecv)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(15 * time.Second):
		t.Fatal("still there")
	}
	var typed *refusal.Error
	if !errors.As(p.Err(), &typed) || typed.Code != CodeICEFailed {
		t.Errorf("ended with %v; want %s", p.Err(), CodeICEFailed)
	}
}

func FuzzReadOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:0\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\na=fingerprint:sha-256 00\r\n")
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rid:f send\r\na=simulcast:send f,x;~h recv y\r\n")
	f.Add("v=0\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readOffer(text)
		var typed *refusal.Error
		if (err == nil) != (o != nil) || (err != nil && !errors.As(err, &typed)) {
			t.Errorf("got %v, %v; want an offer or an error for the client", o, err)
		}
		if o != nil && (len(o.rids) == 0 || len(o.rids) > MaxLayers) {
			t.Errorf("%d layers; want 1 to %d", len(o.rids), MaxLayers)
		}
	})
}
