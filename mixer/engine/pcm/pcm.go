// Package pcm is arithmetic on 16-bit audio samples. It mixes, limits, shortens, lengthens and measures audio, and conceals
// gaps. The engine calls it, and tests measure with it. Unless a function says otherwise, audio is interleaved stereo at 48
// kHz, and a frame is one sample of each channel. Only [Splice.Lengthen] and constructors allocate memory. Functions keep
// no state. A Limiter or an Extrapolator must not be used by two goroutines at once.
package pcm

import "math"

// Format of all audio in this package.
const (
	Rate     = 48000 // frames per second
	Channels = 2
)

// Add adds the samples of in to those of sum, up to the shorter of the two. 65536 full-scale inputs fit in a sum.
func Add(sum []int32, in []int16) {
	n := min(len(sum), len(in))
	sum, in = sum[:n], in[:n]
	for i, v := range in {
		sum[i] += int32(v)
	}
}

// Sub subtracts the samples of in from those of sum, up to the shorter of the two. It reverses an Add of the same samples
// bit for bit.
func Sub(sum []int32, in []int16) {
	n := min(len(sum), len(in))
	sum, in = sum[:n], in[:n]
	for i, v := range in {
		sum[i] -= int32(v)
	}
}

// Gain multiplies the samples of in by a factor that changes linearly over the block. The first frame is multiplied by
// from. One frame after the end of the block the factor would reach to, so that the next block can begin with that value.
// Results beyond 16 bits are clipped. If both factors are 1, nothing changes.
func Gain(in []int16, from, to float32) {
	switch {
	case from == 1 && to == 1:
		return
	case from == 0 && to == 0:
		clear(in)
		return
	}
	frames := len(in) / Channels
	for i := range frames {
		g := from + (to-from)*float32(i)/float32(frames)
		in[2*i] = scale(in[2*i], g)
		in[2*i+1] = scale(in[2*i+1], g)
	}
}

func scale(v int16, gain float32) int16 {
	x := math.RoundToEven(float64(v) * float64(gain))
	return int16(min(max(x, math.MinInt16), math.MaxInt16))
}
