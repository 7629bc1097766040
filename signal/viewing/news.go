package viewing

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

// News are messages of which only the newest of each kind is worth sending: a client that reads slowly misses
// the others and nothing else. They are safe for concurrent use, with one reader.
type News struct {
	ready chan struct{}

	mu      sync.Mutex
	waiting []Bulletin // in the order of their coming, at most one of each kind
}

// Bulletin is one message and what replaces it.
type Bulletin struct {
	Kind    string
	Message any
}

// NewNews has nothing to say yet.
func NewNews() *News { return &News{ready: make(chan struct{}, 1)} }

// Ready is received from once after something was put; Next then gives all there is.
func (n *News) Ready() <-chan struct{} { return n.ready }

// Put takes the place of an older message of its kind, behind all others. It never blocks.
func (n *News) Put(kind string, message any) {
	n.mu.Lock()
	for i, b := range n.waiting {
		if b.Kind == kind {
			n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
			break
		}
	}
	n.waiting = append(n.waiting, Bulletin{kind, message})
	n.mu.Unlock()
	signal(n.ready)
}

// Next takes the oldest; false: there is none.
func (n *News) Next() (Bulletin, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return Bulletin{}, false
	}
	first := n.waiting[0]
	n.waiting = append(n.waiting[:0], n.waiting[1:]...)
	return first, true
}

func signal(ready chan<- struct{}) {
	select {
	case ready <- struct{}{}:
	default:
	}
}
