package engine

import (
	"context"
	"time"
)

// cadence computes when the ticks of a fixed rate are due. Tick n is due exactly n*per/rate after the epoch. Times are
// computed from the number of the tick. Adding periods would add rounding errors, too.
type cadence struct {
	epoch time.Time
	rate  int64 // number of ticks in per
	per   time.Duration
}

// timeOf returns the media time of tick n: the time after the epoch at which the tick is due.
func (c cadence) timeOf(n int64) time.Duration {
	return time.Duration(n/c.rate*int64(c.per)) + time.Duration(n%c.rate*int64(c.per)/c.rate)
}

// newestDue returns the number of the newest tick that is due now.
func (c cadence) newestDue() int64 {
	d := time.Since(c.epoch)
	n := int64(d/c.per)*c.rate + int64(d%c.per)*c.rate/int64(c.per)
	for c.timeOf(n+1) <= d {
		n++
	}
	return n
}

// wait waits until tick n is due, and uses timer for that. It returns false if ctx ends first.
func (c cadence) wait(ctx context.Context, timer *time.Timer, n int64) bool {
	timer.Reset(time.Until(c.epoch.Add(c.timeOf(n))))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
