package authtest

import (
	"bytes"
	"sync"
)

// Log is what a server wrote to its log, to look for secrets in. Its methods may be called concurrently; the zero value
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

// String is all of it so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
