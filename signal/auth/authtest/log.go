package authtest

import (
	"bytes"
	"sync"
)

// Log is an io.Writer that records the log of a server, so that a test can search the log for secrets. It is safe for
// concurrent use. Its zero value is ready for use.
type Log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write records p. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String returns everything that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
