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

// track is the webrtc.TrackLocal of one medium of the downstream. It gets its codec and payload types in Bind, which pion
// calls when both descriptions are known. Its binding turns access units and audio frames into RTP packets.
type track struct {
	kind          webrtc.RTPCodecType
	retransmitter *retransmitter // of the connection
	bound         atomic.Pointer[binding]
}

// binding is the result of the negotiation for a track, and the state of its RTP stream. The stream has continuous sequence
// numbers. Its timestamps are times since the room's epoch, plus base. Only the goroutine of downstream.run may call write.
type binding struct {
	codec        mixer.Codec           // the codec that is encoded for the client
	payloadTypes map[mixer.Codec]uint8 // of codec and of passthroughCodec
	profile      uint8                 // highest H.264 profile_idc that the client decodes
	clockRate    uint32                // Hz
	base         uint32                // RTP timestamp of the room's epoch
	ssrc         uint32
	writer       webrtc.TrackLocalWriter

	// Only the goroutine that writes uses these fields.
	header   rtp.Header // of the last packet
	started  bool       // a packet was sent
	reported bool       // a sender report was sent
	packets  uint32     // number of sent packets, modulo 2^32
	octets   uint32     // bytes of their payloads, modulo 2^32
}

func newTrack(kind webrtc.RTPCodecType, r *retransmitter) *track {
	return &track{kind: kind, retransmitter: r}
}

// binding returns the binding of the track. It is nil before Bind, and for a nil track.
func (t *track) binding() *binding {
	if t == nil {
		return nil
	}
	return t.bound.Load()
}

// Bind chooses the codec to send among the negotiated codecs. pion calls it before the first packet is written.
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
		base: rand.Uint32(), ssrc: uint32(ctx.SSRC()), writer: ctx.WriteStream(), // timestamps start at random (RFC 3550)
		header: rtp.Header{
			Version: 2, SSRC: uint32(ctx.SSRC()), SequenceNumber: uint16(rand.Uint32()), // starts at random, too
		},
	})
	return chosen, nil
}

// Unbind does nothing, because the goroutine that writes ends with the peer.
func (t *track) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID, RID, StreamID and Kind describe the track in the answer.
func (t *track) ID() string                { return t.kind.String() }
func (t *track) RID() string               { return "" }
func (t *track) StreamID() string          { return "mix" }
func (t *track) Kind() webrtc.RTPCodecType { return t.kind }

// passthroughCodec returns the codec besides b.codec that the client accepts. It is sent by passthrough only. It is empty if
// there is none.
func (b *binding) passthroughCodec() mixer.Codec {
	for codec := range b.payloadTypes {
		if codec != b.codec {
			return codec
		}
	}
	return ""
}

// nextTimestamp returns the RTP timestamp of the next access unit, from its PTS. The timestamp is always greater than the
// last one. If the PTS is not later than the last PTS, as it can happen when one rendition replaces another, the timestamp is
// the last timestamp plus 1.
func (b *binding) nextTimestamp(pts time.Duration) uint32 {
	timestamp := b.base + ticks(pts, b.clockRate)
	if b.started && int32(timestamp-b.header.Timestamp) <= 0 {
		timestamp = b.header.Timestamp + 1
	}
	return timestamp
}

// A large access unit is sent in bursts, at 75 Mb/s. Queues in the network have room for a burst, but would drop packets of
// a whole keyframe. Burst n is due n intervals after the first burst. Timers of this process may fire 2 ms late. If a sleep
// ends late, the next sleep is shorter or left out, so that the rate stays the same.
const (
	burstSize     = 16 // packets, of about 1200 bytes
	burstInterval = 2 * time.Millisecond
)

// write sends one access unit or audio frame with an RTP timestamp. It returns how many packets and bytes it has sent, also
// with an error. For a large access unit it sleeps between bursts.
func (b *binding) write(p hub.Packet, timestamp uint32) (packets, bytes int, err error) {
	payloads := p.Payloads()
	b.header.PayloadType = b.payloadTypes[p.Codec]
	start := time.Now()
	for i, payload := range payloads {
		if i > 0 && i%burstSize == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i/burstSize) * burstInterval))) // no sleep if that time has passed
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

// writePayload sends one RTP packet and returns its size in bytes. All packets use b.header, because pion's writers copy it.
func (b *binding) writePayload(payload []byte, timestamp uint32, last bool) (int, error) {
	h := &b.header
	h.SequenceNumber++
	h.Timestamp, h.Marker, b.started = timestamp, last, true
	h.Extension, h.Extensions = false, h.Extensions[:0] // interceptors set them for each packet
	b.packets, b.octets = b.packets+1, b.octets+uint32(len(payload))
	return b.writer.WriteRTP(h, payload)
}

// ticks returns d in ticks of a clock of rate Hz, rounded to the nearest tick, modulo 2^32. The computation does not
// overflow for any d.
func ticks(d time.Duration, rate uint32) uint32 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	if rest < 0 { // a time before the epoch
		whole, rest = whole-1, rest+int64(time.Second)
	}
	return uint32(whole*int64(rate) + (rest*int64(rate)+int64(time.Second)/2)/int64(time.Second))
}
