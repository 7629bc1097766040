package peer

import (
	"sync/atomic"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/signal/signaltest/await"
)

// rawTrack sends the packets that the test writes, with any payload type.
type rawTrack struct {
	id    string
	bound chan webrtc.TrackLocalContext
}

func (r *rawTrack) ID() string                { return r.id }
func (r *rawTrack) RID() string               { return "" }
func (r *rawTrack) StreamID() string          { return "raw" }
func (r *rawTrack) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

func (r *rawTrack) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	r.bound <- ctx
	return ctx.CodecParameters()[0], nil
}

func (r *rawTrack) Unbind(webrtc.TrackLocalContext) error { return nil }

// videoCounter counts access units of video.
type videoCounter struct{ atomic.Int64 }

func (u *videoCounter) WriteVideo(int, mixer.Packet) { u.Add(1) }
func (u *videoCounter) WriteAudio(mixer.Packet)      {}

// TestUnknownFirstPayloadType: a track whose first packet has a payload type that was not negotiated is still received.
// An earlier track that never sends does not count as the first.
func TestUnknownFirstPayloadType(t *testing.T) {
	e := openEngine(t, Config{UDP: "127.0.0.1:0"})
	var received videoCounter
	p := e.NewPeer(Options{Mixer: startMixer(t), Upstream: &received, Video: true}, quiet)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	media := &webrtc.MediaEngine{}
	vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96}
	if err := media.RegisterCodec(vp8, webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	silent, odd := &rawTrack{"silent", make(chan webrtc.TrackLocalContext, 1)}, &rawTrack{"odd", make(chan webrtc.TrackLocalContext, 1)}
	for _, track := range []*rawTrack{silent, odd} {
		if _, err = pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
	}
	if err = exchangeSDP(pc, p); err != nil {
		t.Fatal(err)
	}
	ctx := <-odd.bound
	send := func(seq uint16, payloadType uint8) {
		h := &rtp.Header{Version: 2, PayloadType: payloadType, SSRC: uint32(ctx.SSRC()), SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true}
		_, _ = ctx.WriteStream().WriteRTP(h, []byte{0x10, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0, 1, 2, 3}) // a keyframe; lost before the connection is up
	}
	seq := uint16(0)
	await.Until(t, "an unknown payload type", func() bool {
		seq++
		send(seq, 100)
		return p.Stats().UpGarbage > 0
	})
	await.Until(t, "video after an unknown payload type", func() bool {
		seq++
		send(seq, 96)
		return received.Load() > 2
	})
}
