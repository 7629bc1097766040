// Package depack assembles access units from the RTP packets of one track. It reorders packets, gives up on packets that do
// not arrive in time, and returns only complete access units. signal/peer and signal/camera call it, with one Track per
// incoming stream. A Track belongs to one goroutine and starts no goroutines. A Track does not panic for any input.
//
// The memory of a Track is bounded. It holds at most
//   - 129 packets: 128 that wait for a missing one, and one that may begin a new sequence
//   - one access unit of video with packets of 8 MiB; its buffers have less than 32 MiB
//   - one access unit of AAC with 12 KiB, or one AudioMuxElement of LATM with 64 KiB, plus the packet that completes it
//   - parameter sets of H.264 or H.265 with 16 KiB
//   - quantization tables of MJPEG with 17 KiB
//
// A returned access unit of video is less than twice as large as its packets, plus 18 KiB for parameter sets in front of a
// keyframe or for the headers of a JPEG image. A payload of AAC gives at most 64 access units.
package depack

import (
	"fmt"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// Bounds of the clock rates that New accepts, in Hz.
const (
	minRate = 8000
	maxRate = 192000
)

// Stats counts the packets and access units of a Track since New.
type Stats struct {
	Packets     uint64 // packets that were pushed
	Reordered   uint64 // packets that arrived in time, but after a packet with a higher sequence number
	Duplicates  uint64 // packets that arrived twice; dropped
	Late        uint64 // packets that arrived too late; dropped
	Lost        uint64 // packets that did not arrive in time
	Malformed   uint64 // payloads that violate their RFC
	Restarts    uint64 // restarts of the sender: the SSRC changed, or sequence numbers jumped far
	Dropped     uint64 // access units that were not returned, because a part was missing or malformed
	AccessUnits uint64 // access units that were returned
	Fault       error  // the fault of the last malformed payload; nil if there was none
}

// assembler builds the access units of one codec. It gets the packets in order.
type assembler interface {
	// add appends the next packet. pts is the time of the packet. gap says that packets right before it are missing.
	add(p *rtp.Packet, pts mediaTime, gap bool)
	// flush ends the open access unit: the access unit whose packets are being added. It emits a complete access unit, and
	// discards an incomplete one.
	flush()
}

// Track is the receiving end of one RTP stream. Not safe for concurrent use.
type Track struct {
	clock      clock
	order      reorder
	assembler  assembler
	nals       *nalParser // the parser of H.264 and H.265; nil for other codecs
	lastReport report
	out        []mixer.Packet // result of the current Push or Flush
	stats      Stats
}

// New returns a Track for the codec id. clockRate is the RTP clock rate in Hz that was signalled for the codec. For AAC see
// [NewAAC].
func New(id mixer.Codec, clockRate uint32) (*Track, error) {
	t, err := newTrack(id, clockRate)
	if err != nil {
		return nil, err
	}
	switch id {
	case mixer.H264:
		t.nals = &nalParser{payloadFormat: h264Format{}}
		t.assembler = &video{id: id, track: t, parser: t.nals, nals: t.nals}
	case mixer.H265:
		t.nals = &nalParser{payloadFormat: h265Format{}}
		t.assembler = &video{id: id, track: t, parser: t.nals, nals: t.nals}
	case mixer.VP8:
		t.assembler = &video{id: id, track: t, parser: &vp8{}}
	case mixer.VP9:
		t.assembler = &video{id: id, track: t, parser: &vp9{}}
	case mixer.AV1:
		t.assembler = &video{id: id, track: t, parser: &av1{}}
	case mixer.MJPEG:
		t.assembler = &video{id: id, track: t, parser: &jpeg{}}
	case mixer.Opus:
		t.order.patience = 0
		t.assembler = &audio{id: id, track: t, duration: opusDuration}
	case mixer.PCMU, mixer.PCMA, mixer.G722:
		t.order.patience = 0
		t.assembler = &audio{id: id, track: t, duration: octetDuration}
	default:
		return nil, fmt.Errorf("depacketize codec %q: accepted are h264, h265, vp8, vp9, av1, mjpeg, opus, pcmu, pcma, g722", id)
	}
	return t, nil
}

// newTrack returns a Track without its assembler.
func newTrack(id mixer.Codec, clockRate uint32) (*Track, error) {
	if clockRate < minRate || clockRate > maxRate {
		return nil, fmt.Errorf("clock rate %d Hz of %s: accepted are %d to %d", clockRate, id, minRate, maxRate)
	}
	t := &Track{clock: clock{rate: int64(clockRate)}}
	t.order = reorder{patience: int32(clockRate / 1000 * patienceMs), stats: &t.stats}
	return t, nil
}

// SetParameters stores copies of the parameter sets (SPS and PPS, in H.265 also VPS) that were signalled in SDP. Each of nals
// is a NAL unit. It may have a start code in front, and further NAL units may follow it with start codes between them. The
// Track puts the stored parameter sets in front of keyframes that lack parameter sets. Parameter sets in the stream replace
// the signalled ones. SetParameters ignores everything except parameter sets. It does nothing for codecs other than H.264
// and H.265.
func (t *Track) SetParameters(nals ...[]byte) {
	if t.nals == nil {
		return
	}
	for _, n := range nals {
		t.nals.addSets(n)
	}
}

// Push takes ownership of p. It returns the access units that p completes, in order; the caller owns them. A video access
// unit ends with a packet that has the marker bit, or before the first packet with another timestamp. Some cameras set the
// marker bit on each slice. Once a stream has shown a marker bit within a picture, an access unit ends before the first
// packet of the next picture. The picture that showed it is returned twice: once up to the marker bit, and once complete,
// with Lost set.
//
// PTS is the RTP time since the first packet. PTS decreases when the sender's timestamps decrease, which happens with
// B-frames. After a restart of the sender, PTS continues one frame after the last access unit, unless the length of the
// pause is known. Lost is set on the first access unit after a loss: an access unit was dropped or did not arrive.
func (t *Track) Push(p *rtp.Packet) []mixer.Packet {
	t.stats.Packets++
	t.out = nil
	switch t.order.classify(p) {
	case inSequence:
		t.insert(p)
	case restarted:
		t.restart(p)
	}
	return t.out
}

// Flush stops waiting for missing packets and returns the access units that are complete. Push may be called again
// afterwards.
func (t *Track) Flush() []mixer.Packet {
	t.out = nil
	t.drain()
	t.assembler.flush()
	return t.out
}

// ClockRate returns the rate of the RTP clock in Hz.
func (t *Track) ClockRate() int { return int(t.clock.rate) }

// Stats returns the counters so far.
func (t *Track) Stats() Stats { return t.stats }

// insert adds p to the held packets, and delivers all packets that are ready.
func (t *Track) insert(p *rtp.Packet) {
	for t.order.full(p.SequenceNumber) {
		t.deliver(t.order.pop())
	}
	t.order.insert(p)
	for t.order.ready() {
		t.deliver(t.order.pop())
	}
}

// drain delivers all held packets.
func (t *Track) drain() {
	for t.order.held > 0 {
		t.deliver(t.order.pop())
	}
}

// restart ends the sequence of packets, and starts a new one. Its first two packets are the stored stray packet and p.
func (t *Track) restart(p *rtp.Packet) {
	first := t.order.stray
	if behind(p.SequenceNumber, first.SequenceNumber) {
		first, p = p, first
	}
	t.stats.Restarts++
	t.lastReport = report{}
	t.drain()
	t.assembler.flush()
	t.clock.resume(first.Timestamp, first.SSRC == t.order.ssrc)
	t.order.reset(first)
	t.insert(first)
	t.insert(p)
}

// deliver passes the next packet in order to the assembler. It skips packets without a payload; senders use them to probe the
// bandwidth. gap says that packets right before p are missing. If p is skipped, the gap counts for the packet after p.
func (t *Track) deliver(p *rtp.Packet, gap bool) {
	pts := t.clock.set(p.Timestamp)
	if len(p.Payload) > 0 {
		t.assembler.add(p, pts, gap)
	} else if gap {
		t.order.gap = true
	}
}

// emit appends an access unit to the result.
func (t *Track) emit(p mixer.Packet) {
	t.stats.AccessUnits++
	p.Captured = t.captured(p.PTS)
	t.out = append(t.out, p)
}

// malformed counts a malformed payload. err is the fault of the payload.
func (t *Track) malformed(err error) {
	t.stats.Malformed++
	t.stats.Fault = err
}
