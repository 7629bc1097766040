package depack

import "time"

// longestPause is how far the timestamps of one SSRC may have moved over a jump of its sequence
// numbers and still be believed.
const longestPause = time.Minute

// ticks is media time in units of the RTP clock, since the first packet.
type ticks int64

// clock unwraps 32-bit timestamps.
type clock struct {
	rate    int64 // ticks per second
	started bool
	last    uint32 // timestamp that now stands for
	now     ticks
	step    int32 // last advance, the best guess of a frame's length
}

// at moves the clock to ts, forward or back by whichever is nearer.
func (c *clock) at(ts uint32) ticks {
	if !c.started {
		c.started, c.last = true, ts
	}
	d := int32(ts - c.last)
	c.now, c.last = c.now+ticks(d), ts
	if d > 0 {
		c.step = d
	}
	return c.now
}

// resume prepares for ts after a restart: it counts as the next frame, unless the same sender was
// merely away for a plausible time.
func (c *clock) resume(ts uint32, sameSender bool) {
	d := int32(ts - c.last)
	if sameSender && d > 0 && c.duration(ticks(d)) <= longestPause {
		return
	}
	step := min(c.step, int32(c.rate))
	c.last = ts - uint32(step)
}

// duration converts without overflow for all of time.Duration's range.
func (c *clock) duration(t ticks) time.Duration {
	s, rest := int64(t)/c.rate, int64(t)%c.rate
	return time.Duration(s)*time.Second + time.Duration(rest*int64(time.Second)/c.rate)
}
