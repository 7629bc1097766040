package depack

import "time"

// longestPause is the longest plausible pause of a sender. After a jump of the sequence numbers, the clock follows the jump
// of the timestamps only up to this pause.
const longestPause = time.Minute

// mediaTime is a time since the first packet, in units of the RTP clock.
type mediaTime int64

// clock converts RTP timestamps to times. RTP timestamps have 32 bits and wrap around; times do not wrap around.
type clock struct {
	rate     int64     // of the RTP clock, in Hz
	started  bool      // last and lastTime are set
	last     uint32    // the last RTP timestamp
	lastTime mediaTime // the time of last
	step     int32     // the last increase of the timestamp: the best estimate of a frame's duration
}

// set sets the clock to the RTP timestamp ts and returns the time of ts. Because timestamps wrap around, ts may lie before or
// after the last timestamp. set takes the direction with the smaller distance.
func (c *clock) set(ts uint32) mediaTime {
	if !c.started {
		c.started, c.last = true, ts
	}
	d := int32(ts - c.last)
	c.lastTime, c.last = c.lastTime+mediaTime(d), ts
	if d > 0 {
		c.step = d
	}
	return c.lastTime
}

// resume prepares the clock for ts, the first timestamp after a restart of the sender. sameSender says that the SSRC is the
// same as before. If it is, and the timestamps show a plausible pause, the times continue after this pause. Otherwise the
// time of ts will be one frame after lastTime.
func (c *clock) resume(ts uint32, sameSender bool) {
	d := int32(ts - c.last)
	if sameSender && d > 0 && c.duration(mediaTime(d)) <= longestPause {
		return
	}
	step := min(c.step, int32(c.rate))
	c.last = ts - uint32(step)
}

// duration converts t to a time.Duration. Its computation overflows only if the result does not fit into a time.Duration.
func (c *clock) duration(t mediaTime) time.Duration {
	s, rest := int64(t)/c.rate, int64(t)%c.rate
	return time.Duration(s)*time.Second + time.Duration(rest*int64(time.Second)/c.rate)
}
