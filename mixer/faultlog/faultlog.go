// Package faultlog logs trouble that repeats: one line when it begins, and one line with a count when it is over. It imports
// only the standard library, so that every package can use it.
package faultlog

import (
	"log/slog"
	"sync"
	"time"
)

// Log reports one kind of trouble. All methods are safe for concurrent use.
type Log struct {
	log   *slog.Logger
	kind  string
	quiet time.Duration

	mu    sync.Mutex
	total uint64 // since New
	count uint64 // since the trouble began; zero: there is no trouble
	begun time.Time
	last  time.Time
	timer *time.Timer // checks whether the trouble is over; nil: not needed
}

// New returns the log of a kind of trouble, such as "lost packets". The trouble is over when none has come for quiet. With a
// quiet of zero, only Close ends it.
func New(log *slog.Logger, kind string, quiet time.Duration) *Log {
	return &Log{log: log, kind: kind, quiet: quiet}
}

// Add counts n cases of the trouble. err says what was wrong with the last one. The first case writes a line.
func (l *Log) Add(n uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	l.total += n
	l.count += n
	if l.count > n {
		return
	}
	l.begun = l.last
	l.log.Warn("trouble began", "kind", l.kind, "error", err)
	if l.quiet > 0 {
		l.timer = time.AfterFunc(l.quiet, l.check)
	}
}

// check ends the trouble if none has come for quiet.
func (l *Log) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		return // Close was faster
	}
	if left := l.quiet - time.Since(l.last); left > 0 {
		l.timer.Reset(left)
		return
	}
	l.over()
}

// Close ends the trouble at once, and stops the timer. It writes a line if there was any trouble. Add may be called again.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over()
}

// Total returns the number of cases since New.
func (l *Log) Total() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func (l *Log) over() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.count == 0 {
		return
	}
	l.log.Info("trouble over", "kind", l.kind, "count", l.count, "lasted", l.last.Sub(l.begun).Round(time.Millisecond))
	l.count = 0
}
