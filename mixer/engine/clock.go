package engine

import (
	"context"
	"time"
)

// cadence computes when the ticks of a fixed rate are due. Tick n is due exactly n*per/rate after the epoch. Times are
// computed from the number of the tick and not by adding periods, so that they do not drift.
type cadence struct {
	epoch time.Time
	rate  int64 // number of ticks in per
	per   time.Duration
}

// at returns the media time of tick n.
func (c cadence) at(n int64) time.Duration {
	return time.Duration(n/c.rate*int64(c.per)) + time.Duration(n%c.rate*int64(c.per)/c.rate)
}

// now returns the number of the newest tick that is due.
func (c cadence) now() int64 {
	d := time.Since(c.epoch)
	n := int64(d/c.per)*c.rate + int64(d%c.per)*c.rate/int64(c.per)
	for c.at(n+1) <= d {
		n++
	}
	return n
}

// wait waits until tick n is due. It returns false if ctx ends before that.
func (c cadence) wait(ctx context.Context, timer *time.Timer, n int64) bool {
	timer.Reset(time.Until(c.epoch.Add(c.at(n))))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
