// Package depack turns the RTP packets of one track into access units: it reorders packets, gives up on packets that
// never arrive, and returns only complete video and audio access units. signal/peer and signal/camera call it, with one
// Track per incoming stream. A Track belongs to one goroutine and starts none. It does not panic for any input, and its
// memory is bounded by 128 packets and one access unit of 8 MiB.
package depack

import (
	"fmt"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// Bounds of clock rates that New accepts, in Hz.
const (
	minRate = 8000
	maxRate = 192000
)

// Stats counts what a Track has seen since New.
type Stats struct {
	Packets     uint64 // pushed
	Reordered   uint64 // packets that arrived after a later one, within the wait
	Duplicates  uint64 // packets that arrived twice; dropped
	Late        uint64 // packets that arrived after the wait for them had ended; dropped
	Lost        uint64 // packets given up on
	Malformed   uint64 // payloads that violate their RFC
	Restarts    uint64 // restarts of the sender: another SSRC, or a far jump of sequence numbers
	Dropped     uint64 // access units with a missing or malformed part
	AccessUnits uint64 // returned
	Fault       error  // of the last malformed payload; nil if there was none
}

// assembler builds the access units of one codec from packets in order.
type assembler interface {
	// add appends the next packet; gap says that packets before it are missing.
	add(p *rtp.Packet, pts ticks, gap bool)
	// flush emits the access unit that is complete without further packets.
	flush()
}

// Track is the receiving end of one RTP stream. Not safe for concurrent use.
type Track struct {
	clock      clock
	order      reorder
	assembler  assembler
	nals       *nalParser // nil unless the codec has parameter sets
	lastReport report
	out        []mixer.Packet
	stats      Stats
}

// New returns a Track for a codec and the clock rate that was signalled for it, in Hz.
func New(id mixer.Codec, clockRate uint32) (*Track, error) {
	if clockRate < minRate || clockRate > maxRate {
		return nil, fmt.Errorf("clock rate %d Hz of %s: accepted are %d to %d", clockRate, id, minRate, maxRate)
	}
	t := &Track{clock: clock{rate: int64(clockRate)}}
	t.order = reorder{patience: int32(clockRate / 1000 * patienceMs), stats: &t.stats}
	switch id {
	case mixer.H264:
		t.nals = &nalParser{dialect: h264Dialect{}}
		t.assembler = &video{id: id, track: t, parser: t.nals}
	case mixer.H265:
		t.nals = &nalParser{dialect: h265Dialect{}}
		t.assembler = &video{id: id, track: t, parser: t.nals}
	case mixer.VP8:
		t.assembler = &video{id: id, track: t, parser: &vp8{}}
	case mixer.Opus:
		t.order.patience = 0
		t.assembler = &audio{id: id, track: t, length: opusLength}
	case mixer.PCMU, mixer.PCMA, mixer.G722:
		t.order.patience = 0
		t.assembler = &audio{id: id, track: t, length: octetLength}
	default:
		return nil, fmt.Errorf("depacketize codec %q: accepted are h264, h265, vp8, opus, pcmu, pcma, g722", id)
	}
	return t, nil
}

// SetParameters stores the parameter sets (SPS and PPS, in H.265 also VPS) that were signalled in SDP, without start
// codes. They are put in front of IDRs until the stream carries its own. Other codecs and other NAL units are ignored.
// The Track keeps copies.
func (t *Track) SetParameters(nals ...[]byte) {
	if t.nals == nil {
		return
	}
	for _, n := range nals {
		t.nals.addSet(n)
	}
}

// Push takes ownership of p and returns the access units that p completes, in order; the caller owns them. A video
// access unit ends at the marker bit, or with the first packet of the next timestamp. PTS is the RTP time since the
// first packet; it goes back where the sender's timestamps do (B-frames). After a restart PTS continues directly behind
// the last one, because the length of the pause is unknown. Lost is set on the first access unit after one that was
// dropped or never arrived.
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

// Flush gives up on missing packets and returns the access units that are complete. The Track can be used further.
func (t *Track) Flush() []mixer.Packet {
	t.out = nil
	t.drain()
	t.assembler.flush()
	return t.out
}

// Stats returns the counters so far.
func (t *Track) Stats() Stats { return t.stats }

func (t *Track) insert(p *rtp.Packet) {
	for t.order.full(p.SequenceNumber) {
		t.deliver(t.order.pop())
	}
	t.order.insert(p)
	for t.order.ready() {
		t.deliver(t.order.pop())
	}
}

func (t *Track) drain() {
	for t.order.held > 0 {
		t.deliver(t.order.pop())
	}
}

// restart starts a new sequence with the stray packet and p, which belongs to the same sequence.
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

// deliver passes one packet, now in order, to the assembler. Packets without payload only probe the bandwidth.
func (t *Track) deliver(p *rtp.Packet, gap bool) {
	pts := t.clock.at(p.Timestamp)
	if len(p.Payload) > 0 {
		t.assembler.add(p, pts, gap)
	} else if gap {
		t.order.gap = true
	}
}

func (t *Track) emit(p mixer.Packet) {
	t.stats.AccessUnits++
	p.Captured = t.captured(p.PTS)
	t.out = append(t.out, p)
}

func (t *Track) malformed(err error) {
	t.stats.Malformed++
	t.stats.Fault = err
}
