// Package depack turns the RTP packets of one track into access units: it puts packets back in
// order, gives up on what never comes, and hands out whole pictures and sound frames only.
// signal/peer and signal/camera call it, one Track per incoming stream. A Track belongs to one
// goroutine and starts none. Whatever the network sends, nothing here panics, and memory is bounded
// by 128 packets and one access unit of 8 MiB.
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
	Packets    uint64 // pushed
	Reordered  uint64 // came after a later one, in time
	Duplicates uint64 // came twice; dropped
	Late       uint64 // came after the wait for them was over; dropped
	Lost       uint64 // given up on
	Malformed  uint64 // payloads against their RFC
	Restarts   uint64 // the sender began anew: another SSRC, or a far jump of sequence numbers
	Dropped    uint64 // access units with a missing or malformed part
	Units      uint64 // handed out
	Fault      error  // what was wrong with the last malformed payload; nil while there was none
}

// assembler builds the access units of one codec from packets in order.
type assembler interface {
	// add takes the next packet; gap says that packets before it are missing.
	add(p *rtp.Packet, pts ticks, gap bool)
	// end finishes what can be finished without the packets to come.
	end()
}

// Track is the receiving end of one RTP stream. Not safe for concurrent use.
type Track struct {
	clock clock
	order reorder
	units assembler
	nals  *nalParser // nil unless the codec has parameter sets
	told  report
	out   []mixer.Packet
	stats Stats
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
		t.nals = &nalParser{dialect: h264{}}
		t.units = &video{id: id, track: t, parser: t.nals}
	case mixer.H265:
		t.nals = &nalParser{dialect: h265{}}
		t.units = &video{id: id, track: t, parser: t.nals}
	case mixer.VP8:
		t.units = &video{id: id, track: t, parser: &vp8{}}
	case mixer.Opus:
		t.order.patience = 0
		t.units = &audio{id: id, track: t, length: opusLength}
	case mixer.PCMU, mixer.PCMA, mixer.G722:
		t.order.patience = 0
		t.units = &audio{id: id, track: t, length: octetLength}
	default:
		return nil, fmt.Errorf("depacketize codec %q: accepted are h264, h265, vp8, opus, pcmu, pcma, g722", id)
	}
	return t, nil
}

// SetParameters gives the parameter sets (SPS and PPS, in H.265 also VPS) that were signalled in SDP,
// without start codes; they go in front of IDRs until the stream brings its own. Other codecs, and
// NAL units that are no parameter sets, are ignored. It keeps copies.
func (t *Track) SetParameters(nals ...[]byte) {
	if t.nals == nil {
		return
	}
	for _, n := range nals {
		t.nals.learn(n)
	}
}

// Push takes over p and returns the access units that are complete with it, in order; the caller owns
// them. Video ends at the marker bit, or with the first packet of the next timestamp. PTS is the
// RTP time since the first packet; it goes back where the sender's does (B-frames). After a restart
// it goes on right behind the last one, for nothing tells how long the pause was.
// Lost is set on the first unit after one that was dropped or never came.
func (t *Track) Push(p *rtp.Packet) []mixer.Packet {
	t.stats.Packets++
	t.out = nil
	switch t.order.judge(p) {
	case usual:
		t.place(p)
	case restarted:
		t.restart(p)
	}
	return t.out
}

// Flush gives up on all that is missing and returns what can be completed. The Track goes on.
func (t *Track) Flush() []mixer.Packet {
	t.out = nil
	t.drain()
	t.units.end()
	return t.out
}

// Stats returns the counters so far.
func (t *Track) Stats() Stats { return t.stats }

func (t *Track) place(p *rtp.Packet) {
	for t.order.full(p.SequenceNumber) {
		t.deliver(t.order.pop())
	}
	t.order.put(p)
	for t.order.ready() {
		t.deliver(t.order.pop())
	}
}

func (t *Track) drain() {
	for t.order.held > 0 {
		t.deliver(t.order.pop())
	}
}

// restart begins anew with the packet that looked odd and p, which proved that it was not alone.
func (t *Track) restart(p *rtp.Packet) {
	first := t.order.odd
	if behind(p.SequenceNumber, first.SequenceNumber) {
		first, p = p, first
	}
	t.stats.Restarts++
	t.told = report{}
	t.drain()
	t.units.end()
	t.clock.resume(first.Timestamp, first.SSRC == t.order.ssrc)
	t.order.reset(first)
	t.place(first)
	t.place(p)
}

// deliver hands one packet, now in order, to the assembler. Empty ones only probe the bandwidth.
func (t *Track) deliver(p *rtp.Packet, gap bool) {
	pts := t.clock.at(p.Timestamp)
	if len(p.Payload) > 0 {
		t.units.add(p, pts, gap)
	} else if gap {
		t.order.gap = true
	}
}

func (t *Track) emit(p mixer.Packet) {
	t.stats.Units++
	p.Captured = t.captured(p.PTS)
	t.out = append(t.out, p)
}

func (t *Track) malformed(err error) {
	t.stats.Malformed++
	t.stats.Fault = err
}
