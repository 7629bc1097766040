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
	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/signaltest/await"
)

// onlooker is a client that reports and asks again for what it lost, as browsers do, and shows what it can.
type onlooker struct {
	t  *testing.T
	pc *webrtc.PeerConnection

	mu     sync.Mutex
	shown  map[string]int // pictures by size
	newest string
}

// look connects an onlooker through a narrow network. It knows no other way to the server, nor the server to it.
func look(t *testing.T, e *Engine, n *narrow, opts Options) (*onlooker, *Peer) {
	t.Helper()
	pc, err := onlookerAPI(t).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	o := &onlooker{t: t, pc: pc, shown: map[string]int{}}
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
		for _, end := range []func() error{p.Close, pc.GracefulClose} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		reading.Wait()
	})
	if err := o.shake(p); err != nil {
		t.Fatal(err)
	}
	c := <-candidates
	c.Candidate = strings.Replace(c.Candidate, fmt.Sprintf(" %d typ ", e.Addresses().UDP), fmt.Sprintf(" %d typ ", n.port()), 1)
	if err := pc.AddICECandidate(c); err != nil {
		t.Fatal(err)
	}
	return o, p
}

func onlookerAPI(t *testing.T) *webrtc.API {
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

// shake exchanges offer and answer, without a candidate in either.
func (o *onlooker) shake(p *Peer) error {
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

// read shows pictures, and asks for a key picture when one cannot be.
func (o *onlooker) read(track *webrtc.TrackRemote) {
	units, err := depack.New(mixer.H264, 90000)
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
		for _, u := range units.Push(p) {
			if broken = (broken || u.Lost) && !u.Key; broken {
				_ = o.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
				continue
			}
			o.show(decoder, u)
		}
	}
}

func (o *onlooker) show(decoder *codec.VideoDecoder, u mixer.Packet) {
	frames, err := decoder.Decode(u)
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

// sees tells whether the newest picture has a size.
func (o *onlooker) sees(size string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.newest == size
	}
}

// count is how many pictures of a size were shown.
func (o *onlooker) count(size string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shown[size]
}

// snow sends pictures that need all the bits there are, until the test ends.
func snow(t *testing.T, to *hub.Source, w, h, fps int) {
	t.Helper()
	packets := snowfall(t, w, h, fps)
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

// snowfall is two seconds of it.
func snowfall(t *testing.T, w, h, fps int) (packets []mixer.Packet) {
	t.Helper()
	encoder, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: mixer.H264, Width: w, Height: h, FPS: fps, Bitrate: 5_000_000, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	f, err := codec.NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dice := rand.New(rand.NewPCG(3, 4))
	for i := range 2 * fps {
		for y := 0; y < h; y += 2 {
			for x := 0; x < w; x += 2 {
				f.Fill(image.Rect(x, y, x+2, y+2), codec.Colour{Y: uint8(dice.IntN(220) + 16), U: 128, V: 128})
			}
		}
		out, err := encoder.Encode(f, time.Duration(i)*time.Second/time.Duration(fps), i == 0)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, out...)
	}
	return packets
}

// TestAutoRung: a viewer whose network becomes narrow gets the rung that it carries and goes on playing, and gets the
// large one again when the network opens.
func TestAutoRung(t *testing.T) {
	const (
		fps         = 10
		large, tiny = "320x180", "114x64"
	)
	m, sources := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: fps, Bitrate: 1_500_000, Quality: 10, Rungs: []string{"180p", "64p"}, Preset: "ultrafast"}, "snow")
	snow(t, sources[0], 320, 180, fps)
	e := openEngine(t, Config{})
	n := startNarrow(t, e.Addresses().UDP)
	o, p := look(t, e, n, Options{Mixer: m, View: mixer.Watching{Rung: "auto", Keep: true}})
	await.Until(t, "the large picture", func() bool { return o.count(large) > fps })
	if s := p.Stats(); s.MovedDown+s.MovedUp > 0 {
		t.Errorf("moved although nothing is narrow: %+v", s)
	}

	n.rate.Store(600_000)
	await.Until(t, "the small picture", o.sees(tiny))
	before, seen := o.count(large), o.count(tiny)
	await.Until(t, "it goes on", func() bool { return o.count(tiny) > seen+5*fps })
	if after := o.count(large); after != before || !o.sees(tiny)() {
		t.Errorf("%d large pictures came through a narrow network", after-before)
	}
	if s := p.Stats(); s.MovedDown != 1 || s.MovedUp != 0 {
		t.Errorf("moved down %d times and up %d times; want 1 and 0", s.MovedDown, s.MovedUp)
	}

	n.rate.Store(0)
	await.Within(t, time.Minute, "the large picture again", o.sees(large))
	if s := p.Stats(); s.MovedUp != 1 {
		t.Errorf("moved up %d times; want 1", s.MovedUp)
	}
	if sum := e.Stats(); sum.MovedDown != 1 || sum.MovedUp != 1 {
		t.Errorf("the engine counts %+v", sum.Stats)
	}
}
