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

// taken counts what a client publishes.
type taken struct{ pictures, sounds atomic.Int64 }

func (u *taken) WriteVideo(int, mixer.Packet) { u.pictures.Add(1) }
func (u *taken) WriteAudio(mixer.Packet)      { u.sounds.Add(1) }

// caller is a client of pion that sends and receives a picture and a sound, and the server's Peer for it.
type caller struct {
	t    *testing.T
	pc   *webrtc.PeerConnection
	peer *Peer
	up   taken
	down atomic.Int64 // packets of the picture that came
}

// newCaller makes one that has not called yet; both sides are closed when the test ends.
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
		for _, end := range []func() error{c.peer.Close, pc.GracefulClose} {
			if err := end(); err != nil {
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

// send puts something small on a track until stop; what it is does not matter here.
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
	return c.described()
}

// described is the client's description once it has gathered.
func (c *caller) described() string {
	c.t.Helper()
	select {
	case <-webrtc.GatheringCompletePromise(c.pc):
	case <-time.After(30 * time.Second):
		c.t.Fatal("the client does not finish gathering")
	}
	return c.pc.LocalDescription().SDP
}

// takes gives the client our answer.
func (c *caller) takes(answer string) {
	c.t.Helper()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatalf("%v:\n%s", err, answer)
	}
}

// call is offer and answer; change may rewrite our answer on its way.
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
	c.takes(answer)
}

// flows wants pictures and sound to go on coming, both ways, from now on.
func (c *caller) flows(how string) {
	c.t.Helper()
	pictures, sounds, down := c.up.pictures.Load(), c.up.sounds.Load(), c.down.Load()
	await.Until(c.t, "media both ways "+how, func() bool {
		return c.up.pictures.Load() > pictures+5 && c.up.sounds.Load() > sounds+5 && c.down.Load() > down
	})
}

// onLoopback lets a client use what every machine has.
func onLoopback(types ...webrtc.NetworkType) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	if len(types) > 0 {
		s.SetNetworkTypes(types)
	}
	return s
}
