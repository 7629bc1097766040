package peer

import (
	"image"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest/await"
)

// publish connects a pion client that sends video of one codec to a source, until the test ends.
func publish(t *testing.T, e *Engine, m *hub.Hub, to *hub.Source, mime string) {
	t.Helper()
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(onLoopback())).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	format := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeH264 {
		format.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	}
	track, err := webrtc.NewTrackLocalStaticSample(format, "video", "mine")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = pc.AddTrack(track); err != nil {
		t.Fatal(err)
	}
	c := &caller{t: t, pc: pc, peer: e.NewPeer(Options{Mixer: m, Upstream: to, Video: true, HideVideo: true}, quiet)}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	t.Cleanup(func() {
		close(stop)
		sending.Wait()
		for _, closer := range []func() error{c.peer.Close, pc.GracefulClose} {
			if err := closer(); err != nil {
				t.Error(err)
			}
		}
	})
	c.call(nil)
	sending.Go(func() { blink(t, track, codecOf(mime), stop) })
}

// blink sends changing video of 240x136 with a keyframe twice a second.
func blink(t *testing.T, to *webrtc.TrackLocalStaticSample, c mixer.Codec, stop <-chan struct{}) {
	const fps = 20
	encoder, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: c, Width: 240, Height: 136, FPS: fps, Bitrate: 300_000, Preset: "ultrafast"})
	if err != nil {
		t.Error(err)
		return
	}
	defer encoder.Close()
	f, err := codec.NewFrame(240, 136)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	tick := time.NewTicker(time.Second / fps)
	defer tick.Stop()
	for n := 0; ; n++ {
		f.Fill(image.Rect(0, 0, 64, 64), codec.RGB(uint8(n%8*30), 0, 0))
		packets, err := encoder.Encode(f, time.Duration(n)*time.Second/fps, n%(fps/2) == 0)
		if err != nil {
			t.Error(err)
			return
		}
		for _, p := range packets {
			_ = to.WriteSample(media.Sample{Data: p.Data, Duration: time.Second / fps}) // lost before the connection is up
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// TestPassthrough: a viewer that decodes the codec of a source gets the source's own packets while it sees that source
// alone. It gets composed video again, in our preferred codec, as soon as it sees anything else.
func TestPassthrough(t *testing.T) {
	for _, c := range []struct {
		name, mime string
		decodes    []string
		composed   mixer.Codec
	}{
		{"VP8 alone", webrtc.MimeTypeVP8, []string{webrtc.MimeTypeVP8}, mixer.VP8},
		{"H.264 alone", webrtc.MimeTypeH264, []string{webrtc.MimeTypeH264}, mixer.H264},
		{"VP8 to a viewer of both", webrtc.MimeTypeVP8, []string{webrtc.MimeTypeH264, webrtc.MimeTypeVP8}, mixer.H264},
		{"H.264 to a viewer of both", webrtc.MimeTypeH264, []string{webrtc.MimeTypeVP8, webrtc.MimeTypeH264}, mixer.H264},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, sources := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: 20, Rungs: []string{"180p"}}, "ana")
			e := openEngine(t, Config{})
			publish(t, e, m, sources[0], c.mime)
			v := &viewer{layouts: map[uint32]*mixer.Layout{}}
			alone := &mixer.View{Layout: mixer.KindFocus, Spotlight: "ana", NoLabels: true}
			p := v.connect(t, e, Options{Mixer: m, OnLayout: v.onLayout, View: mixer.Watching{View: alone}}, c.decodes...)
			await.Until(t, "the own frames", v.sees("240x136", 1))
			await.Until(t, "nothing is decoded", func() bool {
				r, _ := p.Rendition()
				return r.Passed && r.Codec == codecOf(c.mime) && v.newest().codec == r.Codec && !mixertest.Source(t, m, sources[0].ID()).Decoded
			})
			before := v.count()
			await.Until(t, "the own frames continue", func() bool { return v.count() > before+10 && v.sees("240x136", 1)() })
			if err := p.Change(mixer.Watching{}); err != nil {
				t.Fatal(err)
			}
			await.Until(t, "composed frames", v.sees("320x180", 1))
			await.Until(t, "a rendition that is composed", func() bool {
				r, _ := p.Rendition()
				return !r.Passed && r.Codec == c.composed && v.newest().codec == c.composed && mixertest.Source(t, m, sources[0].ID()).Decoded
			})
			v.check(t)
		})
	}
}

// newest is the last frame; zero before the first.
func (v *viewer) newest() decodedFrame {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.frames) == 0 {
		return decodedFrame{}
	}
	return v.frames[len(v.frames)-1]
}

// count is the number of frames so far.
func (v *viewer) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.frames)
}
