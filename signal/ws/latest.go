package ws

import "sync"

// latest keeps the newest of what a goroutine that must not wait has to say.
type latest[T any] struct {
	ready chan struct{} // holds one while there is something new

	mu    sync.Mutex
	value T
}

func newLatest[T any]() *latest[T] { return &latest[T]{ready: make(chan struct{}, 1)} }

// put replaces what was not taken yet. It never blocks.
func (l *latest[T]) put(v T) {
	l.mu.Lock()
	l.value = v
	l.mu.Unlock()
	signal(l.ready)
}

// get returns the newest, which came at some time before ready.
func (l *latest[T]) get() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

// news are messages of which only the newest of each kind is worth sending: a client that reads slowly misses
// the others and nothing else.
type news struct {
	ready chan struct{}

	mu      sync.Mutex
	waiting []bulletin // in the order of their coming, at most one of each kind
}

type bulletin struct {
	kind    string
	message any
}

func newNews() *news { return &news{ready: make(chan struct{}, 1)} }

// put takes the place of an older message of its kind, behind all others. It never blocks.
func (n *news) put(kind string, message any) {
	n.mu.Lock()
	for i, b := range n.waiting {
		if b.kind == kind {
			n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
			break
		}
	}
	n.waiting = append(n.waiting, bulletin{kind, message})
	n.mu.Unlock()
	signal(n.ready)
}

// next takes the oldest; nil: there is none.
func (n *news) next() any {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return nil
	}
	first := n.waiting[0]
	n.waiting = append(n.waiting[:0], n.waiting[1:]...)
	return first.message
}

func signal(ready chan<- struct{}) {
	select {
	case ready <- struct{}{}:
	default:
	}
}
