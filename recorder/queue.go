package recorder

import (
	"sync"

	"azulejo/mixer"
)

// queue holds the packets that wait for the disk. It is bounded. When it overflows it drops all
// packets, counted, until a keyframe finds it half empty.
type queue struct {
	limit int // packets

	mu       sync.Mutex
	pushed   sync.Cond // signalled by push and close
	items    []item
	bytes    int
	dropping bool // overflowed, and no keyframe has found it half empty since
	dropped  uint64
	closed   bool
}

// item is a packet, or an event between two packets.
type item struct {
	packet mixer.Packet
	event  event // zero for a packet
}

type event uint8

const (
	overflowed event = iota + 1 // packets are missing after this
	recovered                   // the packets after this are complete again
)

const queueBytes = 64 << 20

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.pushed.L = &q.mu
	return q
}

// push appends p, or drops and counts it. It never blocks.
func (q *queue) push(p mixer.Packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return
	case q.dropping && p.Key && p.Codec.IsVideo() && q.hasRoom(2):
		q.dropping = false
		q.items = append(q.items, item{event: recovered})
	case q.dropping:
		q.dropped++
		return
	case !q.hasRoom(1):
		q.dropping = true
		q.dropped++
		q.items = append(q.items, item{event: overflowed})
		return
	}
	q.items = append(q.items, item{packet: p})
	q.bytes += len(p.Data)
	q.pushed.Signal()
}

// hasRoom tells whether less than 1/divisor of the queue is used.
func (q *queue) hasRoom(divisor int) bool {
	return len(q.items) < q.limit/divisor && q.bytes < queueBytes/divisor
}

// pop waits for the next item and removes it; false when the queue is empty and closed.
func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.pushed.Wait()
	}
	if len(q.items) == 0 {
		return item{}, false
	}
	it := q.items[0]
	q.items[0] = item{} // releases the packet's bytes
	q.items = q.items[1:]
	q.bytes -= len(it.packet.Data)
	return it, true
}

// close makes pop return false once the queue is empty. Later packets are ignored.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.pushed.Signal()
}

func (q *queue) stats() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.dropped
}
