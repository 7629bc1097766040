package depack

import "github.com/pion/rtp"

// How long a missing packet is waited for, and what counts as a jump (RFC 3550, A.1). Sound waits for one packet
// only: it is not sent again, and what waits for it would come too late.
const (
	window      = 128  // packets, a power of two
	patienceMs  = 150  // RTP time between the newest packet and the first one that waits
	maxDropout  = 3000 // sequence numbers ahead
	maxMisorder = 256  // sequence numbers behind
)

// verdict says what a packet is to the sequence.
type verdict int

const (
	unwanted  verdict = iota // duplicate, late, or odd so far
	usual                    // place it
	restarted                // the second of a new sequence; odd was the first
)

// slot remembers a packet until it was delivered, and its number a while longer.
type slot struct {
	p    *rtp.Packet
	seq  uint16
	seen bool
}

// reorder holds the packets of one SSRC that came too early, at most window of them.
type reorder struct {
	patience int32 // in ticks
	stats    *Stats

	started bool
	ssrc    uint32
	next    uint16 // sequence number to be delivered next
	highest uint16 // newest so far
	newest  uint32 // timestamp of highest
	gap     bool   // packets before next were given up on
	slots   [window]slot
	held    int
	odd     *rtp.Packet // first packet of what may be a restart
}

// judge tells what to do with p. Two odd packets in a row that belong together are a restart.
func (r *reorder) judge(p *rtp.Packet) verdict {
	seq := p.SequenceNumber
	if !r.started {
		r.reset(p)
		r.gap = false
	}
	d := int16(seq - r.next)
	if p.SSRC != r.ssrc || d > maxDropout || d < -maxMisorder {
		return r.suspect(p)
	}
	r.odd = nil
	switch s := &r.slots[seq%window]; {
	case s.seen && s.seq == seq:
		r.stats.Duplicates++
	case d < 0:
		r.stats.Late++
	default:
		return usual
	}
	return unwanted
}

func (r *reorder) suspect(p *rtp.Packet) verdict {
	odd := r.odd
	if odd != nil && odd.SSRC == p.SSRC {
		d := int16(p.SequenceNumber - odd.SequenceNumber)
		if d == 0 {
			r.stats.Duplicates++
			return unwanted
		}
		if d > -window && d < window {
			return restarted
		}
	}
	r.odd = p
	return unwanted
}

// reset forgets the sequence and begins a new one with p.
func (r *reorder) reset(p *rtp.Packet) {
	r.slots = [window]slot{}
	r.started, r.gap, r.held, r.odd = true, true, 0, nil
	r.ssrc, r.next, r.highest, r.newest = p.SSRC, p.SequenceNumber, p.SequenceNumber-1, p.Timestamp
}

// full tells whether something must be given up before seq can be put.
func (r *reorder) full(seq uint16) bool {
	return r.held > 0 && seq-r.next >= window
}

// put stores a packet that judge called usual.
func (r *reorder) put(p *rtp.Packet) {
	seq := p.SequenceNumber
	if seq-r.next >= window {
		r.skip(seq)
	}
	if behind(seq, r.highest) {
		r.stats.Reordered++
	} else {
		r.highest, r.newest = seq, p.Timestamp
	}
	r.slots[seq%window] = slot{p: p, seq: seq, seen: true}
	r.held++
}

// ready tells whether a packet need not wait: it is the next one, or one that has waited long enough. A
// clock that went back further than pictures are out of order says nothing of how long; then nobody waits.
func (r *reorder) ready() bool {
	if r.held == 0 {
		return false
	}
	first := r.first()
	waited := int32(r.newest - first.Timestamp)
	return first.SequenceNumber == r.next || waited > r.patience || waited < -10*r.patience
}

// pop takes out the first packet that is held, and whether packets before it are missing.
// Something must be held.
func (r *reorder) pop() (p *rtp.Packet, gap bool) {
	p = r.first()
	r.skip(p.SequenceNumber)
	r.slots[r.next%window].p = nil
	r.next++
	r.held--
	gap, r.gap = r.gap, false
	return p, gap
}

// first is the held packet with the lowest sequence number.
func (r *reorder) first() *rtp.Packet {
	for seq := r.next; ; seq++ {
		if s := &r.slots[seq%window]; s.p != nil {
			return s.p
		}
	}
}

// skip gives up on everything before seq.
func (r *reorder) skip(seq uint16) {
	if n := seq - r.next; n > 0 {
		r.stats.Lost += uint64(n)
		r.next, r.gap = seq, true
	}
}

// behind tells whether a comes before b, seen across the wrap.
func behind(a, b uint16) bool { return int16(a-b) < 0 }
