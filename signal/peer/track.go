package peer

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"azulejo/codec"
)

// mtu leaves room for SRTP, header extensions, TURN and a tunnel in 1500 bytes.
const mtu = 1200

// track is one medium of the downstream: it learns its codec and payload type when the answer is
// made (webrtc.TrackLocal) and turns access units into RTP with continuous sequence numbers and
// timestamps of the room's clock.
//
// Bind runs in pion's goroutine before the first write; write is for one goroutine.
type track struct {
	kind  webrtc.RTPCodecType
	bound atomic.Pointer[binding]
}

// binding is what the negotiation decided about a track.
type binding struct {
	id         codec.ID
	clock      uint32
	base       uint32 // RTP time of the room's epoch
	packetizer rtp.Packetizer
	writer     webrtc.TrackLocalWriter
}

func newTrack(kind webrtc.RTPCodecType) *track { return &track{kind: kind} }

// Bind picks the codec to send among the negotiated ones.
func (t *track) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	chosen, ok := best(ctx.CodecParameters())
	if !ok {
		return webrtc.RTPCodecParameters{}, fmt.Errorf("bind %s track: %w", t.kind, webrtc.ErrUnsupportedCodec)
	}
	id := idOf(chosen.MimeType)
	t.bound.Store(&binding{
		id: id, clock: chosen.ClockRate, base: rand.Uint32(), writer: ctx.WriteStream(), // RFC 3550 wants it unpredictable to nobody
		packetizer: rtp.NewPacketizer(mtu, uint8(chosen.PayloadType), uint32(ctx.SSRC()), payloader(id),
			rtp.NewRandomSequencer(), chosen.ClockRate),
	})
	return chosen, nil
}

// Unbind has nothing to undo: the writer goroutine ends with its peer.
func (t *track) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID, RID, StreamID and Kind describe the track in the answer.
func (t *track) ID() string                { return t.kind.String() }
func (t *track) RID() string               { return "" }
func (t *track) StreamID() string          { return "mix" }
func (t *track) Kind() webrtc.RTPCodecType { return t.kind }

func payloader(id codec.ID) rtp.Payloader {
	switch id {
	case codec.H264:
		return &codecs.H264Payloader{}
	case codec.VP8:
		return &codecs.VP8Payloader{EnablePictureID: true}
	default:
		return &codecs.OpusPayloader{}
	}
}

// write sends one access unit and tells how many packets and bytes it took.
func (b *binding) write(p codec.Packet) (packets, bytes int, err error) {
	stamp := b.base + ticks(p.PTS, b.clock)
	for _, out := range b.packetizer.Packetize(p.Data, 0) {
		out.Timestamp = stamp
		n, err := b.writer.WriteRTP(&out.Header, out.Payload)
		if err != nil {
			return packets, bytes, fmt.Errorf("write %s: %w", b.id, err)
		}
		packets++
		bytes += n
	}
	return packets, bytes, nil
}

// ticks is d on a clock of rate per second, rounded, modulo 2^32; exact for any d.
func ticks(d time.Duration, rate uint32) uint32 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	if rest < 0 { // before the epoch
		whole, rest = whole-1, rest+int64(time.Second)
	}
	return uint32(whole*int64(rate) + (rest*int64(rate)+int64(time.Second)/2)/int64(time.Second))
}
