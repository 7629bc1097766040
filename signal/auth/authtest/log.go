package authtest

import (
	"bytes"
	"sync"
)

// Log records what a server logs, so that a test can search it for secrets. It is safe for concurrent use; the zero value
// is ready.
type Log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String is everything that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
