package engine

import (
	"context"
	"time"
)

// cadence is the ticks of a fixed rate since an epoch. Tick n is due exactly at n/rate: times are computed from the
// count and never accumulated, so that they do not drift.
type cadence struct {
	epoch time.Time
	rate  int64 // ticks in per
	per   time.Duration
}

// at is the media time of tick n.
func (c cadence) at(n int64) time.Duration {
	return time.Duration(n/c.rate*int64(c.per)) + time.Duration(n%c.rate*int64(c.per)/c.rate)
}

// now is the number of the newest tick that is due.
func (c cadence) now() int64 {
	d := time.Since(c.epoch)
	n := int64(d/c.per)*c.rate + int64(d%c.per)*c.rate/int64(c.per)
	for c.at(n+1) <= d {
		n++
	}
	return n
}

// wait waits until tick n is due. The result is false if ctx ended before.
func (c cadence) wait(ctx context.Context, timer *time.Timer, n int64) bool {
	timer.Reset(time.Until(c.epoch.Add(c.at(n))))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
