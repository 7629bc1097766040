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

// publish connects a client of pion that sends pictures in one format to a source, until the test ends.
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
	c := &caller{t: t, pc: pc, peer: e.NewPeer(Options{Mixer: m, Upstream: to, Video: true, HidePicture: true}, quiet)}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	t.Cleanup(func() {
		close(stop)
		sending.Wait()
		for _, end := range []func() error{c.peer.Close, pc.GracefulClose} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	c.call(nil)
	sending.Go(func() { blink(t, track, idOf(mime), stop) })
}

// blink sends pictures of 240x136 that change, with a key picture twice a second.
func blink(t *testing.T, to *webrtc.TrackLocalStaticSample, id mixer.Codec, stop <-chan struct{}) {
	const fps = 20
	encoder, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: id, Width: 240, Height: 136, FPS: fps, Bitrate: 300_000, Preset: "ultrafast"})
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

// TestPassedOn: who takes the format that a source sends gets the source's own pictures while it sees that source
// alone, and composed ones again, in the format that we like best, as soon as it sees anything else.
func TestPassedOn(t *testing.T) {
	for _, c := range []struct {
		name, mime string
		takes      []string
		composed   mixer.Codec
	}{
		{"VP8 alone", webrtc.MimeTypeVP8, []string{webrtc.MimeTypeVP8}, mixer.VP8},
		{"H.264 alone", webrtc.MimeTypeH264, []string{webrtc.MimeTypeH264}, mixer.H264},
		{"VP8 to who takes both", webrtc.MimeTypeVP8, []string{webrtc.MimeTypeH264, webrtc.MimeTypeVP8}, mixer.H264},
		{"H.264 to who takes both", webrtc.MimeTypeH264, []string{webrtc.MimeTypeVP8, webrtc.MimeTypeH264}, mixer.H264},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, sources := startMixerOf(t, mixer.Config{Width: 320, Height: 180, FPS: 20, Rungs: []string{"180p"}}, "ana")
			e := openEngine(t, Config{})
			publish(t, e, m, sources[0], c.mime)
			v := &viewer{layouts: map[uint32]*mixer.Layout{}}
			alone := &mixer.View{Layout: mixer.KindFocus, Spotlight: "ana", NoLabels: true}
			p := v.connect(t, e, Options{Mixer: m, OnLayout: v.onLayout, View: mixer.Watching{View: alone}}, c.takes...)
			await.Until(t, "its own pictures", v.sees("240x136", 1))
			await.Until(t, "nothing is decoded", func() bool {
				r, _ := p.Rendition()
				return r.Passed && r.Codec == idOf(c.mime) && v.newest().id == r.Codec && !mixertest.Source(t, m, sources[0].ID()).Decoded
			})
			before := v.count()
			await.Until(t, "its own pictures go on", func() bool { return v.count() > before+10 && v.sees("240x136", 1)() })
			if err := p.Change(mixer.Watching{}); err != nil {
				t.Fatal(err)
			}
			await.Until(t, "composed pictures", v.sees("320x180", 1))
			await.Until(t, "a rendition that is composed", func() bool {
				r, _ := p.Rendition()
				return !r.Passed && r.Codec == c.composed && v.newest().id == c.composed && mixertest.Source(t, m, sources[0].ID()).Decoded
			})
			v.check(t)
		})
	}
}

// newest is the last picture that came; zero before the first.
func (v *viewer) newest() shown {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pictures) == 0 {
		return shown{}
	}
	return v.pictures[len(v.pictures)-1]
}

// count is how many pictures came.
func (v *viewer) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pictures)
}
