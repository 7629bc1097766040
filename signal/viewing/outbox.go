package viewing

import "sync"

// Outbox is a queue of messages for one client. It keeps only the newest message of each kind, so a client that reads
// slowly misses only outdated messages. Push is safe for concurrent use. Only one goroutine may call Pop.
type Outbox struct {
	ready chan struct{} // holds one element after a Push

	mu      sync.Mutex
	waiting []Message // in the order of Push, at most one of each kind
}

// Message is one message and its kind.
type Message struct {
	Kind string
	Body any
}

// NewOutbox makes an empty Outbox.
func NewOutbox() *Outbox { return &Outbox{ready: make(chan struct{}, 1)} }

// Ready returns a channel that receives one element after one or more calls of Push. The receiver must then call Pop until
// the Outbox is empty.
func (o *Outbox) Ready() <-chan struct{} { return o.ready }

// Push removes an older message of the same kind, if there is one, and appends the new message to the queue. It never
// blocks.
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
