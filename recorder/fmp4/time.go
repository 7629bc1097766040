package fmp4

import "time"

// The rates of the two tracks in ticks per second, and the length of an AAC frame in ticks of the
// audio track.
const (
	VideoRate = 90000
	AudioRate = 48000
	AACFrame  = 1024
)

// Ticks is the time from 1970 UTC to t in ticks of 1/rate s, rounded to the nearest tick.
func Ticks(t time.Time, rate int64) int64 {
	return t.Unix()*rate + (int64(t.Nanosecond())*rate+5e8)/1e9
}

// WallTime is the instant of a video time in ticks, rounded to the nearest millisecond.
func WallTime(ticks int64) time.Time {
	return time.UnixMilli((ticks + VideoRate/2000) / (VideoRate / 1000)).UTC()
}
