package fmp4

import "time"

// The clock rates (timescales) of the two tracks, and the duration of an AAC frame.
const (
	VideoRate = 90000 // clock units per second
	AudioRate = 48000 // clock units per second
	AACFrame  = 1024  // audio clock units
)

// Ticks converts t to clock units of 1/rate s since 1970 UTC. It rounds to the nearest unit.
func Ticks(t time.Time, rate int64) int64 {
	return t.Unix()*rate + (int64(t.Nanosecond())*rate+5e8)/1e9
}

// WallTime converts video clock units since 1970 UTC to a wall-clock time. It rounds to the nearest
// millisecond.
func WallTime(ticks int64) time.Time {
	return time.UnixMilli((ticks + VideoRate/2000) / (VideoRate / 1000)).UTC()
}
