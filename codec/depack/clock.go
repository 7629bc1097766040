package depack

import "time"

// longestPause is the largest pause of a sender that counts as plausible when the sequence numbers of one SSRC jump.
const longestPause = time.Minute

// mediaTime is a time since the first packet, in units of the RTP clock.
type mediaTime int64

// clock converts 32-bit RTP timestamps, which wrap around, to times that do not.
type clock struct {
	rate    int64     // of the RTP clock, in Hz
	started bool      // last and now are set
	last    uint32    // the last RTP timestamp
	now     mediaTime // the time of last
	step    int32     // the last increase of the timestamp: the best estimate of a frame's duration
}

// at sets the clock to the RTP timestamp ts and returns its time. The clock goes forward or back, whichever is less far.
func (c *clock) at(ts uint32) mediaTime {
	if !c.started {
		c.started, c.last = true, ts
	}
	d := int32(ts - c.last)
	c.now, c.last = c.now+mediaTime(d), ts
	if d > 0 {
		c.step = d
	}
	return c.now
}

// resume prepares the clock for the timestamp ts, the first after a restart. The time of ts will be one frame after now. But
// if the SSRC is the same, and the timestamps show a plausible pause, the time of ts follows now after this pause.
func (c *clock) resume(ts uint32, sameSender bool) {
	d := int32(ts - c.last)
	if sameSender && d > 0 && c.duration(mediaTime(d)) <= longestPause {
		return
	}
	step := min(c.step, int32(c.rate))
	c.last = ts - uint32(step)
}

// duration converts t to a time.Duration. It does not overflow for any result that a time.Duration can hold.
func (c *clock) duration(t mediaTime) time.Duration {
	s, rest := int64(t)/c.rate, int64(t)%c.rate
	return time.Duration(s)*time.Second + time.Duration(rest*int64(time.Second)/c.rate)
}
