package depack

import "time"

// longestPause is the largest step of timestamps that is trusted when the sequence numbers of one SSRC jump.
const longestPause = time.Minute

// ticks is media time in units of the RTP clock, since the first packet.
type ticks int64

// clock unwraps 32-bit timestamps.
type clock struct {
	rate    int64 // ticks per second
	started bool
	last    uint32 // the timestamp at now
	now     ticks
	step    int32 // last advance, the best estimate of a frame's duration
}

// at moves the clock to ts, in the direction of the smaller distance.
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

// resume prepares for ts after a restart. ts counts as the next frame, unless the SSRC is the same and the timestamps
// show a plausible pause.
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
