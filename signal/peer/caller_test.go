package peer

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"azulejo/mixer"
	"azulejo/signal/signaltest/await"
)

// countingUpstream counts the packets that a client publishes.
type countingUpstream struct{ video, audio atomic.Int64 }

func (u *countingUpstream) WriteVideo(int, mixer.Packet) { u.video.Add(1) }
func (u *countingUpstream) WriteAudio(mixer.Packet)      { u.audio.Add(1) }

// caller is a pion client that sends and receives video and audio, and the server's Peer for it.
type caller struct {
	t    *testing.T
	pc   *webrtc.PeerConnection
	peer *Peer
	up   countingUpstream
	down atomic.Int64 // video packets that it received
}

// newCaller makes a caller without a connection; both sides are closed when the test ends.
func newCaller(t *testing.T, e *Engine, s webrtc.SettingEngine, cfg webrtc.Configuration) *caller {
	t.Helper()
	c := &caller{t: t}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.pc = pc
	c.peer = e.NewPeer(Options{Mixer: startMixer(t, "ana"), Upstream: &c.up, Audio: true, Video: true}, quiet)
	var working sync.WaitGroup
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		working.Go(func() { c.read(track) })
	})
	stop := make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		for _, closer := range []func() error{c.peer.Close, pc.GracefulClose} {
			if err := closer(); err != nil {
				t.Error(err)
			}
		}
		working.Wait()
	})
	for _, mime := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeOpus} {
		track := c.publish(mime)
		working.Go(func() { send(track, stop) })
	}
	return c
}

func (c *caller) publish(mime string) *webrtc.TrackLocalStaticSample {
	c.t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, mime, "mine")
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.pc.AddTrack(track); err != nil {
		c.t.Fatal(err)
	}
	return track
}

// send writes a small sample to a track every 20 ms until stop. Its content does not matter.
func send(track *webrtc.TrackLocalStaticSample, stop <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			_ = track.WriteSample(media.Sample{Data: vp8Key, Duration: 20 * time.Millisecond}) // lost before the connection is up
		}
	}
}

func (c *caller) read(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if track.Kind() == webrtc.RTPCodecTypeVideo && len(p.Payload) > 0 {
			c.down.Add(1)
		}
	}
}

// offer is the client's offer with all its candidates.
func (c *caller) offer(restart bool) string {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	return c.gather()
}

// gather waits for the client's candidates and returns its description.
func (c *caller) gather() string {
	c.t.Helper()
	select {
	case <-webrtc.GatheringCompletePromise(c.pc):
	case <-time.After(30 * time.Second):
		c.t.Fatal("the client does not finish gathering")
	}
	return c.pc.LocalDescription().SDP
}

// accept gives our answer to the client.
func (c *caller) accept(answer string) {
	c.t.Helper()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatalf("%v:\n%s", err, answer)
	}
}

// call exchanges offer and answer; change may rewrite our answer.
func (c *caller) call(change func(string) string) {
	c.t.Helper()
	c.callWith(c.offer(false), change)
}

func (c *caller) callWith(offer string, change func(string) string) {
	c.t.Helper()
	if _, err := c.peer.Answer(offer); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.peer.Gather(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	if change != nil {
		answer = change(answer)
	}
	c.accept(answer)
}

// awaitMedia waits for video and audio of the client, and for video of the server, that are sent from now on.
func (c *caller) awaitMedia(when string) {
	c.t.Helper()
	video, audio, down := c.up.video.Load(), c.up.audio.Load(), c.down.Load()
	await.Until(c.t, "media both ways "+when, func() bool {
		return c.up.video.Load() > video+5 && c.up.audio.Load() > audio+5 && c.down.Load() > down
	})
}

// onLoopback are settings with the loopback interface, which every machine has.
func onLoopback(types ...webrtc.NetworkType) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	if len(types) > 0 {
		s.SetNetworkTypes(types)
	}
	return s
}
