package feed

import (
	"math"
	"time"

	"azulejo/mixer"
)

// voice generates a steady tone that swells at every full second of the wall clock. A listener or a program can compare the
// swell with the clock in the video.
type voice struct {
	hz         float64   // frequency of the tone
	blockStart time.Time // start of the next block, on the wall clock
	phase      float64   // phase of the tone in radians
}

// The amplitude of a voice as a fraction of full scale.
const (
	quiet = 0.02 // between full seconds
	loud  = 0.2  // at a full second
)

// next returns the next block: 20 ms of interleaved stereo at mixer.SampleRate.
func (v *voice) next() []int16 {
	const n = mixer.SampleRate / 50
	out := make([]int16, n*mixer.Channels)
	sinceSecond := float64(v.blockStart.Nanosecond()) / 1e9
	step := 2 * math.Pi * v.hz / mixer.SampleRate
	for i := range n {
		t := math.Mod(sinceSecond+float64(i)/mixer.SampleRate, 1)
		level := quiet + (loud-quiet)*min(t/0.005, math.Exp(-t*12))
		s := int16(32767 * level * math.Sin(v.phase))
		out[2*i], out[2*i+1] = s, s
		v.phase = math.Mod(v.phase+step, 2*math.Pi)
	}
	v.blockStart = v.blockStart.Add(20 * time.Millisecond)
	return out
}
