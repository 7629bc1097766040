package peer

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/signaltest/await"
)

func TestSenderReport(t *testing.T) {
	to, _ := newTestBinding(mixer.VP8)
	for i := range 3 {
		if _, _, err := to.write(hub.NewPacket(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, 3000), Key: true}), uint32(i)); err != nil {
			t.Fatal(err)
		}
	}
	epoch := time.Date(1999, 12, 31, 23, 59, 0, 500_000_000, time.UTC)
	got := to.senderReport(epoch, epoch.Add(time.Minute))
	// RFC 5905, figure 4: 2000 begins 3,155,673,600 seconds after 1900.
	if want := uint64(3_155_673_600)<<32 | 1<<31; got.NTPTime != want {
		t.Errorf("the time is %x; want %x", got.NTPTime, want)
	}
	if want := to.base + 60*90000; got.RTPTime != want || got.SSRC != to.ssrc {
		t.Errorf("the RTP time is %d of %d; want %d of %d", got.RTPTime, got.SSRC, want, to.ssrc)
	}
	if got.PacketCount < 9 || got.OctetCount != 9000+got.PacketCount {
		t.Errorf("%d packets with %d bytes of payload; want three times 3000 and one for each packet", got.PacketCount, got.OctetCount)
	}
}

// reportReader is a client that keeps the sender reports of both its streams.
type reportReader struct {
	mu      sync.Mutex
	reports map[webrtc.RTPCodecType][]rtcp.SenderReport
}

// connect makes a pion client that receives video and audio, and a Peer for it.
func (r *reportReader) connect(t *testing.T, e *Engine, opts Options) *Peer {
	t.Helper()
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(onLoopback())).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err = pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	c := &caller{t: t, pc: pc, peer: e.NewPeer(opts, quiet)}
	var reading sync.WaitGroup
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		reading.Go(func() { c.read(track) })
		reading.Go(func() { r.read(track.Kind(), receiver) })
	})
	t.Cleanup(func() {
		for _, closer := range []func() error{c.peer.Close, pc.GracefulClose} {
			if err := closer(); err != nil {
				t.Error(err)
			}
		}
		reading.Wait()
	})
	c.call(nil)
	return c.peer
}

func (r *reportReader) read(kind webrtc.RTPCodecType, receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok {
				r.mu.Lock()
				r.reports[kind] = append(r.reports[kind], *sr)
				r.mu.Unlock()
			}
		}
	}
}

func (r *reportReader) of(t *track) []rtcp.SenderReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reports[t.kind]
}

// epochs are the times of the room's epoch, in seconds since 1900, that follow from each report of a stream.
func epochs(to *binding, age time.Duration, reports []rtcp.SenderReport) []float64 {
	var all []float64
	for _, sr := range reports {
		about := to.base + ticks(age, to.clockRate)
		since := age.Seconds() + float64(int32(sr.RTPTime-about))/float64(to.clockRate)
		all = append(all, float64(sr.NTPTime)/(1<<32)-since)
	}
	return all
}

// TestReportsAgree: the sender reports of video and audio map both to the room's one clock, for composed renditions and
// for passthrough.
func TestReportsAgree(t *testing.T) {
	m, sources := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: 20, Rungs: []string{"180p", "90p"}}, "ana")
	e := openEngine(t, Config{})
	publish(t, e, m, sources[0], webrtc.MimeTypeH264)
	sendTone(t, sources[0])
	r := &reportReader{reports: map[webrtc.RTPCodecType][]rtcp.SenderReport{}}
	p := r.connect(t, e, Options{Mixer: m, View: mixer.Watching{Rung: "180p"}})
	d := p.downstream()
	more := func(what string) {
		t.Helper()
		video, audio := len(r.of(d.video)), len(r.of(d.audio))
		await.Until(t, what, func() bool { return len(r.of(d.video)) > video+1 && len(r.of(d.audio)) > audio+1 })
	}
	more("reports of both")
	for _, w := range []mixer.Watching{
		{Rung: "90p"},
		{View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "ana", NoLabels: true}},
	} {
		if err := p.Change(w); err != nil {
			t.Fatal(err)
		}
		more("reports of another rendition")
	}
	await.Until(t, "passthrough", func() bool { now, _ := p.Rendition(); return now.Passed })
	more("reports of passthrough")
	age, epoch := time.Since(m.Epoch()), float64(ntp(m.Epoch()))/(1<<32)
	for _, track := range []*track{d.video, d.audio} {
		for _, got := range epochs(track.bound.Load(), age, r.of(track)) {
			if math.Abs(got-epoch) > 0.002 {
				t.Errorf("by a report of the %s the epoch is %.1f ms late", track.kind, 1000*(got-epoch))
			}
		}
	}
}

// sendTone sends a tone until the test ends.
func sendTone(t *testing.T, to *hub.Source) {
	t.Helper()
	encoder, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	t.Cleanup(func() { close(stop); sending.Wait(); encoder.Close() })
	sending.Go(func() {
		const block = 20 * time.Millisecond
		tick := time.NewTicker(block)
		defer tick.Stop()
		pcm := make([]int16, 2*mixer.SampleRate/50)
		for n := 0; ; n++ {
			for i := range pcm {
				pcm[i] = int16(6000 * math.Sin(2*math.Pi*float64(i/2)/96))
			}
			packets, err := encoder.Encode(pcm, time.Duration(n)*block)
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range packets {
				to.WriteAudio(p)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
}
