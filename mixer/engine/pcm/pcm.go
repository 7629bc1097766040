// Package pcm is arithmetic on 16-bit audio samples. It mixes, limits, shortens, lengthens and measures audio, and conceals
// gaps. The engine and tests call it. Unless a function says otherwise, audio is interleaved stereo at 48
// kHz, and a frame is one sample of each channel. Only [Splice.Lengthen] and constructors allocate memory. Functions keep
// no state. A Limiter or an Extrapolator must not be used by two goroutines at once.
package pcm

import "math"

// Format of all audio in this package.
const (
	Rate     = 48000 // frames per second
	Channels = 2
)

// Add adds the samples of in to the samples of sum, up to the shorter of the two slices. The 32 bits of sum hold 65536
// full-scale inputs.
func Add(sum []int32, in []int16) {
	n := min(len(sum), len(in))
	sum, in = sum[:n], in[:n]
	for i, v := range in {
		sum[i] += int32(v)
	}
}

// Sub subtracts the samples of in from the samples of sum, up to the shorter of the two slices. It undoes an Add of the same
// samples bit for bit.
func Sub(sum []int32, in []int16) {
	n := min(len(sum), len(in))
	sum, in = sum[:n], in[:n]
	for i, v := range in {
		sum[i] -= int32(v)
	}
}

// Gain multiplies the samples of in by a factor that changes linearly over the block. The first frame is multiplied by
// start. The factor would become end one frame after the block, so that the next block can start with it. Results beyond 16
// bits are clipped. If both factors are 1, nothing changes.
func Gain(in []int16, start, end float32) {
	switch {
	case start == 1 && end == 1:
		return
	case start == 0 && end == 0:
		clear(in)
		return
	}
	frames := len(in) / Channels
	for i := range frames {
		g := start + (end-start)*float32(i)/float32(frames)
		in[2*i] = scale(in[2*i], g)
		in[2*i+1] = scale(in[2*i+1], g)
	}
}

func scale(v int16, gain float32) int16 {
	x := math.RoundToEven(float64(v) * float64(gain))
	return int16(min(max(x, math.MinInt16), math.MaxInt16))
}
