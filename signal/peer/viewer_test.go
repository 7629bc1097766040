package peer

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"azulejo/codec"
	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest/await"
)

// decodedFrame is one frame that a viewer decoded.
type decodedFrame struct {
	timestamp uint32
	codec     mixer.Codec
	size      string
}

// viewer is a client that decodes the video and checks that its RTP is one continuous stream.
type viewer struct {
	mu      sync.Mutex
	frames  []decodedFrame
	layouts map[uint32]*mixer.Layout // by the RTP timestamp of the OnLayout call
	broken  error
}

func (v *viewer) onLayout(l *mixer.Layout, rtp uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.layouts[rtp] = l
}

// sees tells whether the newest frame has a size and shows so many tiles.
func (v *viewer) sees(size string, tiles int) func() bool {
	return func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.frames) == 0 {
			return false
		}
		for i := len(v.frames) - 1; i >= 0; i-- { // the newest layout that was shown
			if l := v.layouts[v.frames[i].timestamp]; l != nil {
				return v.frames[len(v.frames)-1].size == size && len(l.Tiles) == tiles
			}
		}
		return false
	}
}

func (v *viewer) fail(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken == nil {
		v.broken = fmt.Errorf(format, args...)
	}
}

// format reads packets of one payload type.
type format struct {
	codec        mixer.Codec
	depacketizer *depack.Track
	decoder      *codec.VideoDecoder
}

func newFormat(c mixer.Codec) (f format, err error) {
	f.codec = c
	if f.depacketizer, err = depack.New(c, 90000); err == nil {
		f.decoder, err = codec.NewVideoDecoder(c, 0)
	}
	return f, err
}

// read decodes the stream until it ends. Another payload type starts with a keyframe.
func (v *viewer) read(track *webrtc.TrackRemote) {
	var in format
	defer func() { in.decoder.Close() }()
	var last *rtp.Packet
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if last != nil {
			ahead := int32(p.Timestamp - last.Timestamp)
			if p.SequenceNumber != last.SequenceNumber+1 || ahead < 0 || (ahead > 0) != last.Marker {
				v.fail("packet %d at %d follows %d at %d", p.SequenceNumber, p.Timestamp, last.SequenceNumber, last.Timestamp)
			}
		}
		if last == nil || p.PayloadType != last.PayloadType {
			in.decoder.Close()
			if in, err = newFormat(codecOf(track.Codec().MimeType)); err != nil {
				v.fail("%w", err)
				return
			}
		}
		last = p
		for _, packet := range in.depacketizer.Push(p) {
			v.decode(in, packet, p.Timestamp)
		}
	}
}

func (v *viewer) decode(in format, p mixer.Packet, timestamp uint32) {
	frames, err := in.decoder.Decode(p)
	if err != nil {
		v.fail("decode: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range frames {
		v.frames = append(v.frames, decodedFrame{timestamp, in.codec, fmt.Sprintf("%dx%d", f.Width(), f.Height())})
		f.Close()
	}
}

// connect makes a pion client that decodes these codecs, and a Peer for it.
func (v *viewer) connect(t *testing.T, e *Engine, opts Options, mimes ...string) *Peer {
	t.Helper()
	m := &webrtc.MediaEngine{}
	for i, mime := range mimes {
		params := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, PayloadType: webrtc.PayloadType(100 + i),
		}
		if mime == webrtc.MimeTypeH264 {
			params.SDPFmtpLine = "packetization-mode=1;profile-level-id=42e01f"
		}
		if err := m.RegisterCodec(params, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		reading.Go(func() { v.read(track) })
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
	if err := exchangeSDP(pc, p); err != nil {
		t.Fatal(err)
	}
	if err := pc.AddICECandidate(<-candidates); err != nil {
		t.Fatal(err)
	}
	return p
}

// exchangeSDP exchanges offer and answer.
func exchangeSDP(pc *webrtc.PeerConnection, p *Peer) error {
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err = pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	answer, err := p.Answer(pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// startMixer runs a mixer until the test ends. Its sources send nothing.
func startMixer(t *testing.T, sources ...string) *hub.Hub {
	t.Helper()
	m, _ := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: 20, Rungs: []string{"180p", "90p"}}, sources...)
	return m
}

func startMixerOf(t *testing.T, cfg mixer.Config, sources ...string) (*hub.Hub, []*hub.Source) {
	t.Helper()
	m, err := hub.New(cfg, mixertest.Start, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var all []*hub.Source
	for _, name := range sources {
		all = append(all, m.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{ID: name, Name: name}}))
	}
	t.Cleanup(func() {
		for _, s := range all {
			s.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mixertest.CheckFrames(t)
	})
	return m, all
}

// TestChange: a viewer changes views and rungs within one stream, and gets each layout with the first frame that shows
// it.
func TestChange(t *testing.T) {
	for _, mime := range []string{webrtc.MimeTypeH264, webrtc.MimeTypeVP8} {
		t.Run(mime, func(t *testing.T) {
			m := startMixer(t, "ana", "ben", "cleo")
			e := openEngine(t, Config{})
			v := &viewer{layouts: map[uint32]*mixer.Layout{}}
			p := v.connect(t, e, Options{Mixer: m, OnLayout: v.onLayout, View: mixer.Watching{Rung: "90p", Keep: true}}, mime)
			alone := &mixer.View{Layout: mixer.KindFocus, Spotlight: "ben"}
			await.Until(t, "the first frame", v.sees("160x90", 3))
			for _, step := range []struct {
				w     mixer.Watching
				size  string
				tiles int
			}{
				{mixer.Watching{Rung: "180p"}, "320x180", 3},
				{mixer.Watching{View: alone}, "320x180", 1},
				{mixer.Watching{View: alone, Rung: "90p"}, "160x90", 1},
				{mixer.Watching{View: &mixer.View{Exclude: []string{"ana"}}, Rung: "90p"}, "160x90", 2},
				{mixer.Watching{}, "320x180", 3},
			} {
				if err := p.Change(step.w); err != nil {
					t.Fatal(err)
				}
				await.Until(t, fmt.Sprintf("%+v", step.w), v.sees(step.size, step.tiles))
				if r, ok := p.Rendition(); !ok || fmt.Sprintf("%dx%d", r.Width, r.Height) != step.size || r.Codec != p.Codec() {
					t.Errorf("the rendition is %+v, %v; want %s", r, ok, step.size)
				}
			}
			if err := p.Change(mixer.Watching{Name: "nowhere"}); err == nil {
				t.Error("a view that is not there was accepted")
			}
			await.Until(t, "nothing new", v.sees("320x180", 3))
			v.check(t)
		})
	}
}

// check wants a frame for every layout, and a continuous stream.
func (v *viewer) check(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		t.Error(v.broken)
	}
	timestamps := map[uint32]bool{}
	for _, f := range v.frames {
		timestamps[f.timestamp] = true
	}
	for at := range v.layouts {
		if ahead := int32(at - v.frames[len(v.frames)-1].timestamp); ahead <= 0 && !timestamps[at] {
			t.Errorf("a layout has the timestamp %d, which no frame has", at)
		}
	}
}

// TestChangeBeforeMediaFlow replaces what is viewed first.
func TestChangeBeforeMediaFlow(t *testing.T) {
	m := startMixer(t, "ana", "ben")
	e := openEngine(t, Config{})
	p := e.NewPeer(Options{Mixer: m}, quiet)
	defer func() { _ = p.Close() }()
	if r, ok := p.Rendition(); ok {
		t.Errorf("there is a rendition %+v before media flow", r)
	}
	want := mixer.Watching{Rung: "90p"}
	if err := p.Change(want); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Answer(offerOf(t, webrtc.RTPTransceiverDirectionRecvonly, webrtc.RTPTransceiverDirectionRecvonly)); err != nil {
		t.Fatal(err)
	}
	if got := p.downstream().selection.wanted; got.Rung != want.Rung {
		t.Errorf("the first view is %+v; want %+v", got, want)
	}
	next := mixer.Watching{Name: "other"}
	if err := p.Change(next); err != nil || p.downstream().selection.wanted.Name != "other" {
		t.Errorf("got %v, %+v; want %+v", err, p.downstream().selection.wanted, next)
	}
}
