package viewing

import "sync"

// latest holds the newest value that was set. A goroutine that must not block sets the value. Another goroutine waits for
// ready and gets the value.
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

// get returns the newest value. It may be newer than the value for which ready was filled.
func (l *latest[T]) get() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

// wake fills ready, unless it is full already. It never blocks.
func wake(ready chan<- struct{}) {
	select {
	case ready <- struct{}{}:
	default:
	}
}
