package depack

import "github.com/pion/rtp"

// Limits of the wait for a missing packet, and of jumps in sequence numbers. A packet is stray if its sequence number lies
// far outside of the sequence (RFC 3550, A.1). Audio gives up on a missing packet when two later packets have arrived.
// Audio is not retransmitted, and the held packets would be late if they waited longer.
const (
	window      = 128  // only packets less than this many sequence numbers ahead are held; a power of two
	patienceMs  = 150  // for video: RTP time in ms from the first held packet to the newest, after which the wait ends
	maxDropout  = 3000 // a packet further ahead than this many sequence numbers is stray
	maxMisorder = 256  // a packet further behind than this many sequence numbers is stray
)

// class says how a packet relates to the sequence of the packets before.
type class int

const (
	unwanted   class = iota // the packet is a duplicate, late, or stray
	inSequence              // the packet must be inserted
	restarted               // the packet is the second of a new sequence; reorder.stray is the first
)

// heldPacket holds a packet until the packet is delivered. After that, the sequence number stays to detect duplicates, until
// another packet overwrites it.
type heldPacket struct {
	p    *rtp.Packet // nil after delivery
	seq  uint16
	seen bool // seq is set
}

// reorder puts the packets of one SSRC in order. While it waits for a missing packet, it holds the packets that follow. It
// holds at most window packets.
type reorder struct {
	patience int32 // in units of the RTP clock; see patienceMs
	stats    *Stats

	started bool
	ssrc    uint32
	next    uint16             // sequence number of the packet to be delivered next
	highest uint16             // highest sequence number so far
	newest  uint32             // timestamp of the packet with the highest sequence number
	gap     bool               // packets right before the sequence number next are missing, and the wait for them has ended
	packets [window]heldPacket // indexed by the sequence number modulo window
	held    int                // number of packets that are held
	stray   *rtp.Packet        // the last packet if it was stray, else nil; it may be the first of a new sequence
}

// classify returns the class of p. If two consecutive packets are stray, and their sequence numbers are close to each other,
// the sender has restarted.
func (r *reorder) classify(p *rtp.Packet) class {
	seq := p.SequenceNumber
	if !r.started {
		r.reset(p)
		r.gap = false // nothing is missing in front of the first packet of the stream
	}
	d := int16(seq - r.next)
	if p.SSRC != r.ssrc || d > maxDropout || d < -maxMisorder {
		return r.classifyStray(p)
	}
	r.stray = nil
	switch e := &r.packets[seq%window]; {
	case e.seen && e.seq == seq:
		r.stats.Duplicates++
	case d < 0:
		r.stats.Late++
	default:
		return inSequence
	}
	return unwanted
}

// classifyStray returns the class of a stray packet. It stores the packet in r.stray, because a new sequence may begin with
// it. It does not store a duplicate, nor the second packet of a new sequence.
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

// reset discards the old sequence and starts a new one whose first packet is p.
func (r *reorder) reset(p *rtp.Packet) {
	r.packets = [window]heldPacket{}
	r.started, r.gap, r.held, r.stray = true, true, 0, nil
	r.ssrc, r.next, r.highest, r.newest = p.SSRC, p.SequenceNumber, p.SequenceNumber-1, p.Timestamp
}

// full tells whether packets are held and seq lies beyond the window. While it returns true, the caller must pop a packet
// before it inserts seq.
func (r *reorder) full(seq uint16) bool {
	return r.held > 0 && seq-r.next >= window
}

// insert adds a packet of the class inSequence to the held packets.
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
	r.packets[seq%window] = heldPacket{p: p, seq: seq, seen: true}
	r.held++
}

// ready tells whether the first held packet can be delivered: it is the next in sequence, or it has waited for longer than
// the patience.
//
// The timestamp of the newest packet may be lower than the timestamp of the first held packet, because frames can be sent
// out of order. If it is lower by more than ten times the patience, the sender has set its clock back. Then the time that
// the first packet has waited is unknown, and the packet is delivered.
func (r *reorder) ready() bool {
	if r.held == 0 {
		return false
	}
	first := r.first()
	waited := int32(r.newest - first.Timestamp)
	return first.SequenceNumber == r.next || waited > r.patience || waited < -10*r.patience
}

// pop removes the first held packet and returns it. At least one packet must be held. gap says that packets right before p
// are missing.
func (r *reorder) pop() (p *rtp.Packet, gap bool) {
	p = r.first()
	r.skip(p.SequenceNumber)
	r.packets[r.next%window].p = nil
	r.next++
	r.held--
	gap, r.gap = r.gap, false
	return p, gap
}

// first returns the held packet with the lowest sequence number. At least one packet must be held.
func (r *reorder) first() *rtp.Packet {
	for seq := r.next; ; seq++ {
		if e := &r.packets[seq%window]; e.p != nil {
			return e.p
		}
	}
}

// skip gives up on the missing packets before seq, and counts them as lost.
func (r *reorder) skip(seq uint16) {
	if n := seq - r.next; n > 0 {
		r.stats.Lost += uint64(n)
		r.next, r.gap = seq, true
	}
}

// behind tells whether the sequence number a precedes b, also when sequence numbers wrap around.
func behind(a, b uint16) bool { return int16(a-b) < 0 }
