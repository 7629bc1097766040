package recorder

import (
	"sync"

	"azulejo/mixer"
)

// queue holds the packets that wait for the disk. It is bounded; when it overflows it drops,
// counted, until a keyframe finds it half empty. put never blocks.
type queue struct {
	limit int // packets

	mu     sync.Mutex
	more   sync.Cond
	items  []item
	bytes  int
	losing bool // overflowed, and no keyframe has found room yet
	lost   uint64
	closed bool
}

// item is a packet, or a notice between packets.
type item struct {
	packet mixer.Packet
	notice notice
}

type notice uint8

const (
	overflowed notice = iota + 1 // packets are missing from here on
	recovered                    // they come again
)

const queueBytes = 64 << 20

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.more.L = &q.mu
	return q
}

// put takes p, or counts it as lost.
func (q *queue) put(p mixer.Packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return
	case q.losing && p.Key && p.Codec.IsVideo() && q.fits(2):
		q.losing = false
		q.items = append(q.items, item{notice: recovered})
	case q.losing:
		q.lost++
		return
	case !q.fits(1):
		q.losing = true
		q.lost++
		q.items = append(q.items, item{notice: overflowed})
		return
	}
	q.items = append(q.items, item{packet: p})
	q.bytes += len(p.Data)
	q.more.Signal()
}

// fits tells whether less than that fraction of the queue is used.
func (q *queue) fits(fraction int) bool {
	return len(q.items) < q.limit/fraction && q.bytes < queueBytes/fraction
}

// take waits for the next item; false when there is none and the queue is closed.
func (q *queue) take() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.items) == 0 {
		return item{}, false
	}
	it := q.items[0]
	q.items[0] = item{} // let go of its bytes
	q.items = q.items[1:]
	q.bytes -= len(it.packet.Data)
	return it, true
}

// close lets take end once the queue is empty. What comes later is ignored.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}

func (q *queue) stats() (waiting int, lost uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.lost
}
