package peer

import (
	"sync/atomic"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/signal/signaltest/await"
)

// raw is a track that sends what its test writes, whatever was negotiated.
type raw struct {
	id    string
	bound chan webrtc.TrackLocalContext
}

func (r *raw) ID() string                { return r.id }
func (r *raw) RID() string               { return "" }
func (r *raw) StreamID() string          { return "raw" }
func (r *raw) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

func (r *raw) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	r.bound <- ctx
	return ctx.CodecParameters()[0], nil
}

func (r *raw) Unbind(webrtc.TrackLocalContext) error { return nil }

// units counts access units of pictures.
type units struct{ atomic.Int64 }

func (u *units) WriteVideo(int, mixer.Packet) { u.Add(1) }
func (u *units) WriteAudio(mixer.Packet)      {}

// TestStrangeFirstPacket: a track that begins with a payload type that nobody agreed on is there all the same, and an
// earlier one that never sends anything does not take its place.
func TestStrangeFirstPacket(t *testing.T) {
	e := openEngine(t, Config{UDP: "127.0.0.1:0"})
	var came units
	p := e.NewPeer(Options{Mixer: startMixer(t), Upstream: &came, Video: true}, quiet)
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
	silent, odd := &raw{"silent", make(chan webrtc.TrackLocalContext, 1)}, &raw{"odd", make(chan webrtc.TrackLocalContext, 1)}
	for _, track := range []*raw{silent, odd} {
		if _, err = pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
	}
	if err = shake(pc, p); err != nil {
		t.Fatal(err)
	}
	ctx := <-odd.bound
	send := func(seq uint16, payload uint8) {
		h := &rtp.Header{Version: 2, PayloadType: payload, SSRC: uint32(ctx.SSRC()), SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true}
		_, _ = ctx.WriteStream().WriteRTP(h, []byte{0x10, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0, 1, 2, 3}) // a key picture; lost before the connection is there
	}
	seq := uint16(0)
	await.Until(t, "a strange packet", func() bool {
		seq++
		send(seq, 100)
		return p.Stats().UpGarbage > 0
	})
	await.Until(t, "pictures after a strange packet", func() bool {
		seq++
		send(seq, 96)
		return came.Load() > 2
	})
}
