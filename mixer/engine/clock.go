package engine

import (
	"context"
	"time"
)

// cadence counts ticks of a fixed rate since an epoch. Tick n is due at n/rate exactly: times are
// computed from the count, never summed up.
type cadence struct {
	epoch time.Time
	rate  int64 // ticks in per
	per   time.Duration
}

// at is the media time of tick n.
func (c cadence) at(n int64) time.Duration {
	return time.Duration(n/c.rate*int64(c.per)) + time.Duration(n%c.rate*int64(c.per)/c.rate)
}

// now is the newest tick that is due.
func (c cadence) now() int64 {
	d := time.Since(c.epoch)
	n := int64(d/c.per)*c.rate + int64(d%c.per)*c.rate/int64(c.per)
	for c.at(n+1) <= d {
		n++
	}
	return n
}

// wait sleeps until tick n is due; false means that ctx ended.
func (c cadence) wait(ctx context.Context, timer *time.Timer, n int64) bool {
	timer.Reset(time.Until(c.epoch.Add(c.at(n))))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
