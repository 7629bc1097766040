package viewing

import "sync"

// Outbox queues messages, and keeps only the newest message of each kind. A client that reads slowly misses outdated
// messages and nothing else. An Outbox is safe for concurrent use, with one reader.
type Outbox struct {
	ready chan struct{}

	mu      sync.Mutex
	waiting []Message // the oldest first, at most one of each kind
}

// Message is one message and its kind.
type Message struct {
	Kind string
	Body any
}

// NewOutbox makes an empty Outbox.
func NewOutbox() *Outbox { return &Outbox{ready: make(chan struct{}, 1)} }

// Ready is ready once after a Push. The reader must then call Pop until the Outbox is empty.
func (o *Outbox) Ready() <-chan struct{} { return o.ready }

// Push queues a message behind all others, and removes an older message of its kind. It never blocks.
func (o *Outbox) Push(kind string, body any) {
	o.mu.Lock()
	for i, m := range o.waiting {
		if m.Kind == kind {
			o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
			break
		}
	}
	o.waiting = append(o.waiting, Message{kind, body})
	o.mu.Unlock()
	wake(o.ready)
}

// Pop removes and returns the oldest message. It returns false if the Outbox is empty.
func (o *Outbox) Pop() (Message, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return Message{}, false
	}
	first := o.waiting[0]
	o.waiting = append(o.waiting[:0], o.waiting[1:]...)
	return first, true
}
