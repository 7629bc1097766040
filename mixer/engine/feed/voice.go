package feed

import (
	"math"
	"time"

	"azulejo/mixer"
)

// voice is a steady tone that swells on every full second of the wall clock, so that audio and video can be compared by
// ear and by machine.
type voice struct {
	hz    float64
	at    time.Time // start of the next block
	phase float64   // radians
}

// The amplitude of a voice as a fraction of full scale: between seconds, and on them.
const (
	quiet = 0.02
	loud  = 0.2
)

// next returns the next 20 ms of interleaved stereo.
func (v *voice) next() []int16 {
	const n = mixer.SampleRate / 50
	out := make([]int16, n*mixer.Channels)
	since := float64(v.at.Nanosecond()) / 1e9
	step := 2 * math.Pi * v.hz / mixer.SampleRate
	for i := range n {
		t := math.Mod(since+float64(i)/mixer.SampleRate, 1)
		level := quiet + (loud-quiet)*min(t/0.005, math.Exp(-t*12))
		s := int16(32767 * level * math.Sin(v.phase))
		out[2*i], out[2*i+1] = s, s
		v.phase = math.Mod(v.phase+step, 2*math.Pi)
	}
	v.at = v.at.Add(20 * time.Millisecond)
	return out
}
