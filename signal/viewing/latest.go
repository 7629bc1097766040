package viewing

import "sync"

// latest passes the newest value from a goroutine that must not block to another goroutine.
type latest[T any] struct {
	ready chan struct{} // holds one element while there is a new value

	mu    sync.Mutex
	value T
}

func newLatest[T any]() *latest[T] { return &latest[T]{ready: make(chan struct{}, 1)} }

// set replaces the value. It never blocks.
func (l *latest[T]) set(v T) {
	l.mu.Lock()
	l.value = v
	l.mu.Unlock()
	wake(l.ready)
}

// get returns the newest value, which may be newer than the one that was announced by ready.
func (l *latest[T]) get() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

func wake(ready chan<- struct{}) {
	select {
	case ready <- struct{}{}:
	default:
	}
}
