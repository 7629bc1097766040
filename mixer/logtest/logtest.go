// Package logtest records what programs and loggers write while a test runs. Only tests use it. It imports only the standard
// library, so that the tests of every package can use it.
package logtest

import (
	"bytes"
	"sync"
)

// Log is an io.Writer that keeps everything that is written to it. It is safe for concurrent use. Its zero value is ready for
// use.
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

// String returns everything that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
