package peer

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// track is one medium of the downstream (a webrtc.TrackLocal). It gets its codec and payload type when the answer is
// made, and turns access units into RTP with continuous sequence numbers and timestamps of the room's clock.
//
// Bind runs in pion's goroutine before the first write; write is for one goroutine.
type track struct {
	kind          webrtc.RTPCodecType
	retransmitter *retransmitter // of the connection
	bound         atomic.Pointer[binding]
}

// binding is the result of the negotiation for a track, and the state of its stream.
type binding struct {
	codec        mixer.Codec           // that is encoded for it
	payloadTypes map[mixer.Codec]uint8 // of codec, and of the other codec that may be passed through
	profile      uint8                 // highest H.264 profile_idc that the client decodes
	clockRate    uint32                // Hz
	base         uint32                // RTP time of the room's epoch
	ssrc         uint32
	writer       webrtc.TrackLocalWriter

	// Owned by the goroutine that writes.
	header            rtp.Header // of the last packet
	started, reported bool       // a packet was sent, a sender report was sent
	packets, octets   uint32     // sent, modulo 2^32; octets of payloads alone
}

func newTrack(kind webrtc.RTPCodecType, r *retransmitter) *track {
	return &track{kind: kind, retransmitter: r}
}

// binding is nil before Bind, and for a nil track.
func (t *track) binding() *binding {
	if t == nil {
		return nil
	}
	return t.bound.Load()
}

// Bind picks the codec to send among the negotiated ones.
func (t *track) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codecs := ctx.CodecParameters()
	chosen, ok := bestCodec(codecs)
	if !ok {
		return webrtc.RTPCodecParameters{}, fmt.Errorf("bind %s track: %w", t.kind, webrtc.ErrUnsupportedCodec)
	}
	if t.kind == webrtc.RTPCodecTypeVideo {
		t.retransmitter.setRTXTypes(rtxPayloadTypes(codecs))
	}
	t.bound.Store(&binding{
		codec: codecOf(chosen.MimeType), payloadTypes: payloadTypes(chosen, codecs), profile: highestProfile(codecs), clockRate: chosen.ClockRate,
		base: rand.Uint32(), ssrc: uint32(ctx.SSRC()), writer: ctx.WriteStream(), // RFC 3550: timestamps and sequence numbers start at random
		header: rtp.Header{
			Version: 2, SSRC: uint32(ctx.SSRC()), SequenceNumber: uint16(rand.Uint32()),
		},
	})
	return chosen, nil
}

// Unbind does nothing: the writer goroutine ends with its peer.
func (t *track) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID, RID, StreamID and Kind describe the track in the answer.
func (t *track) ID() string                { return t.kind.String() }
func (t *track) RID() string               { return "" }
func (t *track) StreamID() string          { return "mix" }
func (t *track) Kind() webrtc.RTPCodecType { return t.kind }

// passthroughCodec is the other codec that may be passed through to the client; empty for none.
func (b *binding) passthroughCodec() mixer.Codec {
	for codec := range b.payloadTypes {
		if codec != b.codec {
			return codec
		}
	}
	return ""
}

// nextTimestamp is the RTP time of the next access unit. It always advances. Where one rendition follows another, an
// access unit may be no newer than the one before; it is sent as if it were one tick newer.
func (b *binding) nextTimestamp(pts time.Duration) uint32 {
	timestamp := b.base + ticks(pts, b.clockRate)
	if b.started && int32(timestamp-b.header.Timestamp) <= 0 {
		timestamp = b.header.Timestamp + 1
	}
	return timestamp
}

// A long access unit leaves in bursts, at 75 Mb/s: queues on the path hold a burst, but would drop packets of a whole
// keyframe. Burst n is due n intervals after the first. A sleep may end 2 ms late; the next burst follows at once then,
// so that the rate stays.
const (
	burstSize     = 16 // packets
	burstInterval = 2 * time.Millisecond
)

// write sends one access unit with an RTP timestamp. It returns the number of packets and bytes that it sent.
func (b *binding) write(p hub.Packet, timestamp uint32) (packets, bytes int, err error) {
	payloads := p.Payloads()
	b.header.PayloadType = b.payloadTypes[p.Codec]
	start := time.Now()
	for i, payload := range payloads {
		if i > 0 && i%burstSize == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i/burstSize) * burstInterval))) // no sleep when that has passed
		}
		n, err := b.writePayload(payload, timestamp, i == len(payloads)-1)
		if err != nil {
			return packets, bytes, fmt.Errorf("write %s: %w", b.codec, err)
		}
		packets++
		bytes += n
	}
	return packets, bytes, nil
}

// writePayload sends one RTP packet. All packets share one header: the writers copy it.
func (b *binding) writePayload(payload []byte, timestamp uint32, last bool) (int, error) {
	h := &b.header
	h.SequenceNumber++
	h.Timestamp, h.Marker, b.started = timestamp, last, true
	h.Extension, h.Extensions = false, h.Extensions[:0] // interceptors set them for each packet
	b.packets, b.octets = b.packets+1, b.octets+uint32(len(payload))
	return b.writer.WriteRTP(h, payload)
}

// ticks is d in ticks of a clock of rate Hz, rounded, modulo 2^32. It is exact for any d.
func ticks(d time.Duration, rate uint32) uint32 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	if rest < 0 { // before the epoch
		whole, rest = whole-1, rest+int64(time.Second)
	}
	return uint32(whole*int64(rate) + (rest*int64(rate)+int64(time.Second)/2)/int64(time.Second))
}
