package recorder

import (
	"sync"

	"azulejo/mixer"
)

// queue holds the packets that wait for the disk. Their number and their total size are limited. When the
// queue is full, it starts to drop and count packets. It accepts packets again from a keyframe that arrives
// while less than half of the queue is used.
type queue struct {
	limit int // largest number of items

	mu       sync.Mutex
	pushed   sync.Cond // signalled by push and close
	items    []item
	bytes    int    // total size of the packets in items
	dropping bool   // the queue was full and still drops packets
	dropped  uint64 // number of packets dropped so far
	closed   bool
}

// item is a packet, or an event that happened between two packets.
type item struct {
	packet mixer.Packet
	event  event // zero for a packet
}

// event is a change of the queue's field dropping.
type event uint8

const (
	overflowed event = iota + 1 // the queue has begun to drop packets
	recovered                   // the queue has stopped dropping packets
)

// maxQueueBytes is the largest total size of the packets in a queue: 64 MiB.
const maxQueueBytes = 64 << 20

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.pushed.L = &q.mu
	return q
}

// push appends p to the queue. While the queue drops packets, push only counts p. push never blocks.
func (q *queue) push(p mixer.Packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return
	case q.dropping && p.Key && p.Codec.IsVideo() && q.hasSpace(2):
		q.dropping = false
		q.items = append(q.items, item{event: recovered})
	case q.dropping:
		q.dropped++
		return
	case !q.hasSpace(1):
		q.dropping = true
		q.dropped++
		q.items = append(q.items, item{event: overflowed})
		return
	}
	q.items = append(q.items, item{packet: p})
	q.bytes += len(p.Data)
	q.pushed.Signal()
}

// hasSpace tells whether less than 1/divisor of the queue is used, in items and in bytes.
func (q *queue) hasSpace(divisor int) bool {
	return len(q.items) < q.limit/divisor && q.bytes < maxQueueBytes/divisor
}

// pop waits for the next item, removes it and returns it. It returns false when the queue is empty and
// closed.
func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.pushed.Wait()
	}
	if len(q.items) == 0 {
		return item{}, false
	}
	first := q.items[0]
	q.items[0] = item{} // so that the packet's bytes can be freed
	q.items = q.items[1:]
	q.bytes -= len(first.packet.Data)
	return first, true
}

// close makes pop return false once the queue is empty. push ignores packets after close.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.pushed.Signal()
}

// stats returns the number of waiting items and of packets dropped so far.
func (q *queue) stats() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.dropped
}
