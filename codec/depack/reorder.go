package depack

import "github.com/pion/rtp"

// How long to wait for a missing packet, and what counts as a jump (RFC 3550, A.1). Audio waits for one packet only:
// audio is not retransmitted, and the packets that wait would be late.
const (
	window      = 128  // packets, a power of two
	patienceMs  = 150  // RTP time in ms between the newest packet and the first one that waits
	maxDropout  = 3000 // sequence numbers ahead
	maxMisorder = 256  // sequence numbers behind
)

// class is how a packet relates to the sequence.
type class int

const (
	unwanted   class = iota // duplicate, late, or stray
	inSequence              // to be inserted
	restarted               // the second packet of a new sequence; stray is the first
)

// entry holds a packet until it is delivered, and its sequence number until the entry is used again.
type entry struct {
	p    *rtp.Packet
	seq  uint16
	seen bool
}

// reorder holds the packets of one SSRC that arrived early, at most window of them.
type reorder struct {
	patience int32 // in ticks
	stats    *Stats

	started bool
	ssrc    uint32
	next    uint16 // sequence number to be delivered next
	highest uint16 // newest sequence number so far
	newest  uint32 // timestamp of highest
	gap     bool   // packets before next were given up on
	entries [window]entry
	held    int
	stray   *rtp.Packet // the last packet, if it was far outside of the sequence; a restart may begin with it
}

// classify tells what to do with p. Two consecutive stray packets that are close to each other are a restart.
func (r *reorder) classify(p *rtp.Packet) class {
	seq := p.SequenceNumber
	if !r.started {
		r.reset(p)
		r.gap = false
	}
	d := int16(seq - r.next)
	if p.SSRC != r.ssrc || d > maxDropout || d < -maxMisorder {
		return r.classifyStray(p)
	}
	r.stray = nil
	switch e := &r.entries[seq%window]; {
	case e.seen && e.seq == seq:
		r.stats.Duplicates++
	case d < 0:
		r.stats.Late++
	default:
		return inSequence
	}
	return unwanted
}

func (r *reorder) classifyStray(p *rtp.Packet) class {
	stray := r.stray
	if stray != nil && stray.SSRC == p.SSRC {
		d := int16(p.SequenceNumber - stray.SequenceNumber)
		if d == 0 {
			r.stats.Duplicates++
			return unwanted
		}
		if d > -window && d < window {
			return restarted
		}
	}
	r.stray = p
	return unwanted
}

// reset drops the sequence and starts a new one with p.
func (r *reorder) reset(p *rtp.Packet) {
	r.entries = [window]entry{}
	r.started, r.gap, r.held, r.stray = true, true, 0, nil
	r.ssrc, r.next, r.highest, r.newest = p.SSRC, p.SequenceNumber, p.SequenceNumber-1, p.Timestamp
}

// full tells whether a packet must be delivered, or given up on, before seq can be inserted.
func (r *reorder) full(seq uint16) bool {
	return r.held > 0 && seq-r.next >= window
}

// insert holds a packet that is in sequence.
func (r *reorder) insert(p *rtp.Packet) {
	seq := p.SequenceNumber
	if seq-r.next >= window {
		r.skip(seq)
	}
	if behind(seq, r.highest) {
		r.stats.Reordered++
	} else {
		r.highest, r.newest = seq, p.Timestamp
	}
	r.entries[seq%window] = entry{p: p, seq: seq, seen: true}
	r.held++
}

// ready tells whether the first packet that is held can be delivered: it is the next one, or has waited long enough. A
// timestamp more than ten times the patience behind is no reordering of frames: the sender set its clock back, the time
// waited is unknown, and the packet is delivered.
func (r *reorder) ready() bool {
	if r.held == 0 {
		return false
	}
	first := r.first()
	waited := int32(r.newest - first.Timestamp)
	return first.SequenceNumber == r.next || waited > r.patience || waited < -10*r.patience
}

// pop removes the first packet that is held. It also tells whether packets before it are missing. At least one packet
// must be held.
func (r *reorder) pop() (p *rtp.Packet, gap bool) {
	p = r.first()
	r.skip(p.SequenceNumber)
	r.entries[r.next%window].p = nil
	r.next++
	r.held--
	gap, r.gap = r.gap, false
	return p, gap
}

// first is the held packet with the lowest sequence number.
func (r *reorder) first() *rtp.Packet {
	for seq := r.next; ; seq++ {
		if e := &r.entries[seq%window]; e.p != nil {
			return e.p
		}
	}
}

// skip gives up on the packets before seq.
func (r *reorder) skip(seq uint16) {
	if n := seq - r.next; n > 0 {
		r.stats.Lost += uint64(n)
		r.next, r.gap = seq, true
	}
}

// behind tells whether a precedes b, also across the wrap.
func behind(a, b uint16) bool { return int16(a-b) < 0 }
