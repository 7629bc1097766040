package peer

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/signaltest/await"
)

// reportingViewer is a client that sends receiver reports and NACKs, as browsers do, and decodes what it receives.
type reportingViewer struct {
	t  *testing.T
	pc *webrtc.PeerConnection

	mu     sync.Mutex
	shown  map[string]int // decoded frames by size
	newest string
}

// connectThrough connects a reportingViewer through a narrow network, which is the only path between client and server.
func connectThrough(t *testing.T, e *Engine, n *narrowNetwork, opts Options) (*reportingViewer, *Peer) {
	t.Helper()
	pc, err := reportingAPI(t).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	o := &reportingViewer{t: t, pc: pc, shown: map[string]int{}}
	var reading sync.WaitGroup
	pc.OnTrack(func(track *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		reading.Go(func() { o.read(track) })
		reading.Go(func() {
			for b := make([]byte, 2048); ; {
				if _, _, err := r.Read(b); err != nil {
					return
				}
			}
		})
	})
	candidates := make(chan Candidate, 64)
	opts.OnCandidate = func(c Candidate) { candidates <- c }
	p := e.NewPeer(opts, quiet)
	t.Cleanup(func() {
		for _, closer := range []func() error{p.Close, pc.GracefulClose} {
			if err := closer(); err != nil {
				t.Error(err)
			}
		}
		reading.Wait()
	})
	if err := o.exchangeSDP(p); err != nil {
		t.Fatal(err)
	}
	c := <-candidates
	c.Candidate = strings.Replace(c.Candidate, fmt.Sprintf(" %d typ ", e.Addresses().UDP), fmt.Sprintf(" %d typ ", n.port()), 1)
	if err := pc.AddICECandidate(c); err != nil {
		t.Fatal(err)
	}
	return o, p
}

func reportingAPI(t *testing.T) *webrtc.API {
	t.Helper()
	m, r := &webrtc.MediaEngine{}, &interceptor.Registry{}
	err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "packetization-mode=1;profile-level-id=42e01f",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		},
		PayloadType: 100,
	}, webrtc.RTPCodecTypeVideo)
	for _, step := range []func() error{
		func() error { return err },
		func() error { return webrtc.ConfigureNack(m, r) },
		func() error { return webrtc.ConfigureRTCPReports(r) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r), webrtc.WithSettingEngine(s))
}

// exchangeSDP exchanges offer and answer, without a candidate in either.
func (o *reportingViewer) exchangeSDP(p *Peer) error {
	receive := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := o.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, receive); err != nil {
		return err
	}
	offer, err := o.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err = o.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	answer, err := p.Answer(offer.SDP)
	if err != nil {
		return err
	}
	return o.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// read decodes the track, and requests a keyframe after a loss.
func (o *reportingViewer) read(track *webrtc.TrackRemote) {
	depacketizer, err := depack.New(mixer.H264, 90000)
	if err != nil {
		o.t.Error(err)
		return
	}
	decoder, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		o.t.Error(err)
		return
	}
	defer decoder.Close()
	broken := true
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		for _, packet := range depacketizer.Push(p) {
			if broken = (broken || packet.Lost) && !packet.Key; broken {
				_ = o.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
				continue
			}
			o.decode(decoder, packet)
		}
	}
}

func (o *reportingViewer) decode(decoder *codec.VideoDecoder, p mixer.Packet) {
	frames, err := decoder.Decode(p)
	if err != nil {
		o.t.Errorf("decode: %v", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range frames {
		o.newest = fmt.Sprintf("%dx%d", f.Width(), f.Height())
		o.shown[o.newest]++
		f.Close()
	}
}

// sees tells whether the newest frame has a size.
func (o *reportingViewer) sees(size string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.newest == size
	}
}

// count is the number of decoded frames of a size.
func (o *reportingViewer) count(size string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shown[size]
}

// sendNoise sends video of noise, which needs all the bits of its rung, until the test ends.
func sendNoise(t *testing.T, to *hub.Source, w, h, fps int) {
	t.Helper()
	packets := encodeNoise(t, w, h, fps)
	ctx, cancel := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	sending.Go(func() {
		period := time.Second / time.Duration(fps)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for i := 0; ; i++ {
			p := packets[i%len(packets)]
			p.PTS = time.Duration(i) * period
			to.WriteVideo(0, p)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		sending.Wait()
	})
}

// encodeNoise is two seconds of noise.
func encodeNoise(t *testing.T, w, h, fps int) []mixer.Packet {
	t.Helper()
	dice := rand.New(rand.NewPCG(3, 4))
	cfg := codec.VideoConfig{Codec: mixer.H264, Width: w, Height: h, FPS: fps, Bitrate: 5_000_000, Preset: "ultrafast"}
	return codectest.Encode(t, cfg, 2*fps, 2*fps, func(f *codec.Frame, _ int) {
		for y := 0; y < h; y += 2 {
			for x := 0; x < w; x += 2 {
				f.Fill(image.Rect(x, y, x+2, y+2), codec.Colour{Y: uint8(dice.IntN(220) + 16), U: 128, V: 128})
			}
		}
	})
}

// TestAutoRung: a viewer whose network becomes narrow gets the rung that it carries and continues to play. It gets the
// large rung again when the network becomes wide.
func TestAutoRung(t *testing.T) {
	const (
		fps         = 10
		large, tiny = "320x180", "114x64"
	)
	m, sources := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: fps, Bitrate: 1_500_000, Quality: 10, Rungs: []string{"180p", "64p"}, Preset: "ultrafast"}, "noise")
	sendNoise(t, sources[0], 320, 180, fps)
	e := openEngine(t, Config{})
	n := startNarrowNetwork(t, e.Addresses().UDP)
	o, p := connectThrough(t, e, n, Options{Mixer: m, View: mixer.Watching{Rung: "auto", Keep: true}})
	await.Until(t, "the large rung", func() bool { return o.count(large) > fps })
	if s := p.Stats(); s.MovedDown+s.MovedUp > 0 {
		t.Errorf("moved although the network is wide: %+v", s)
	}

	n.rate.Store(600_000)
	await.Until(t, "the small rung", o.sees(tiny))
	before, seen := o.count(large), o.count(tiny)
	await.Until(t, "the video continues", func() bool { return o.count(tiny) > seen+5*fps })
	if after := o.count(large); after != before || !o.sees(tiny)() {
		t.Errorf("%d large frames came through a narrow network", after-before)
	}
	if s := p.Stats(); s.MovedDown != 1 || s.MovedUp != 0 {
		t.Errorf("moved down %d times and up %d times; want 1 and 0", s.MovedDown, s.MovedUp)
	}

	n.rate.Store(0)
	await.Within(t, time.Minute, "the large rung again", o.sees(large))
	await.Until(t, "the move up is counted", func() bool { return p.Stats().MovedUp > 0 }) // the frame may come before
	if sum := e.Stats(); sum.MovedDown != 1 || sum.MovedUp != 1 {
		t.Errorf("the engine counts %+v", sum.Stats)
	}
}
