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

// track is one medium of the downstream: it learns its codec and payload type when the answer is
// made (webrtc.TrackLocal) and turns access units into RTP with continuous sequence numbers and
// timestamps of the room's clock.
//
// Bind runs in pion's goroutine before the first write; write is for one goroutine.
type track struct {
	kind    webrtc.RTPCodecType
	resends *resends // of the connection
	bound   atomic.Pointer[binding]
}

// binding is what the negotiation decided about a track, and where its stream is.
type binding struct {
	id      mixer.Codec           // of what is encoded for it
	types   map[mixer.Codec]uint8 // payload types of id, and of what else is passed on
	profile uint8                 // highest H.264 profile_idc that the client decodes
	clock   uint32
	base    uint32 // RTP time of the room's epoch
	ssrc    uint32
	writer  webrtc.TrackLocalWriter

	// Owned by whoever writes.
	header          rtp.Header // of the last packet
	begun, reported bool
	packets, octets uint32 // sent, modulo 2^32; octets of payloads alone
}

func newTrack(kind webrtc.RTPCodecType, r *resends) *track { return &track{kind: kind, resends: r} }

// Bind picks the codec to send among the negotiated ones.
func (t *track) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codecs := ctx.CodecParameters()
	chosen, ok := best(codecs)
	if !ok {
		return webrtc.RTPCodecParameters{}, fmt.Errorf("bind %s track: %w", t.kind, webrtc.ErrUnsupportedCodec)
	}
	if t.kind == webrtc.RTPCodecTypeVideo {
		t.resends.repeat(repetitions(codecs))
	}
	t.bound.Store(&binding{
		id: idOf(chosen.MimeType), types: payloadTypes(chosen, codecs), profile: decodable(codecs), clock: chosen.ClockRate,
		base: rand.Uint32(), ssrc: uint32(ctx.SSRC()), writer: ctx.WriteStream(), // RFC 3550 wants both beginnings unpredictable
		header: rtp.Header{
			Version: 2, SSRC: uint32(ctx.SSRC()), SequenceNumber: uint16(rand.Uint32()),
		},
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

// also is what else the client takes of what is passed on; empty for nothing.
func (b *binding) also() mixer.Codec {
	for id := range b.types {
		if id != b.id {
			return id
		}
	}
	return ""
}

// stamp is the RTP time of the next unit. It always advances: a unit that is no newer than the one before,
// which happens when one rendition takes over from another, is sent as if it were a tick newer.
func (b *binding) stamp(pts time.Duration) uint32 {
	stamp := b.base + ticks(pts, b.clock)
	if b.begun && int32(stamp-b.header.Timestamp) <= 0 {
		stamp = b.header.Timestamp + 1
	}
	return stamp
}

// A long access unit leaves in bursts, at 75 Mb/s: queues on the path hold these, but lose packets of a whole keyframe at
// once. Burst n is due n breaths after the first. A sleep may end 2 ms late; then the next burst follows at once, so that
// the rate stays.
const (
	burst  = 16 // packets
	breath = 2 * time.Millisecond
)

// write sends one access unit at an RTP time and tells how many packets and bytes it took.
func (b *binding) write(p hub.Packet, stamp uint32) (packets, bytes int, err error) {
	payloads := p.Payloads()
	b.header.PayloadType = b.types[p.Codec]
	start := time.Now()
	for i, payload := range payloads {
		if i > 0 && i%burst == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i/burst) * breath))) // not at all when that has passed
		}
		n, err := b.send(payload, stamp, i == len(payloads)-1)
		if err != nil {
			return packets, bytes, fmt.Errorf("write %s: %w", b.id, err)
		}
		packets++
		bytes += n
	}
	return packets, bytes, nil
}

// send keeps one header for all packets; those who write it take copies.
func (b *binding) send(payload []byte, stamp uint32, last bool) (int, error) {
	h := &b.header
	h.SequenceNumber++
	h.Timestamp, h.Marker, b.begun = stamp, last, true
	h.Extension, h.Extensions = false, h.Extensions[:0] // set anew on the way
	b.packets, b.octets = b.packets+1, b.octets+uint32(len(payload))
	return b.writer.WriteRTP(h, payload)
}

// ticks is d on a clock of rate per second, rounded, modulo 2^32; exact for any d.
func ticks(d time.Duration, rate uint32) uint32 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	if rest < 0 { // before the epoch
		whole, rest = whole-1, rest+int64(time.Second)
	}
	return uint32(whole*int64(rate) + (rest*int64(rate)+int64(time.Second)/2)/int64(time.Second))
}
