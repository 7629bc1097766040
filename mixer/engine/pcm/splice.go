package pcm

import "math"

// Lengths in frames. Audio is compared with itself at lags from MinLag (2.5 ms) to MaxLag (15 ms). These are the periods of
// voices from 400 to 66 Hz.
const (
	MinLag = Rate * 25 / 10000
	MaxLag = Rate * 15 / 1000
	// Overlap is the length of a cross-fade: 5 ms.
	Overlap = Rate * 5 / 1000
	// SpliceReach is the number of frames that FindSplice uses.
	SpliceReach = MaxLag + Overlap
)

// Splice says how a block of audio can be shortened or lengthened at its start without a click.
type Splice struct {
	Lag        int     // number of frames that can be removed or repeated
	Similarity float64 // of the audio before and after the lag: 1 for periodic audio and for silence, 0 for noise
}

// FindSplice compares the start of in with the audio at each lag from MinLag to MaxLag. It returns the lag with the most
// similar audio. It uses the first SpliceReach frames of in. If in is shorter, the Similarity is 0.
func FindSplice(in []int16) Splice {
	if len(in) < SpliceReach*Channels {
		return Splice{Lag: MinLag}
	}
	position, similarity := match(in[MinLag*Channels:SpliceReach*Channels], in[:Overlap*Channels])
	return Splice{MinLag + position, similarity}
}

// Shorten removes Lag frames from the start of in. The result shares the memory of in, which it overwrites.
func (s Splice) Shorten(in []int16) []int16 {
	later := in[s.Lag*Channels:]
	for i := range Overlap * Channels {
		in[i] = between(in[i], later[i], i/Channels, Overlap)
	}
	n := Overlap * Channels
	return in[:n+copy(in[n:], later[n:])]
}

// Lengthen repeats the first Lag frames of in. The result may be in new memory.
func (s Splice) Lengthen(in []int16) []int16 {
	n := s.Lag * Channels
	in = append(in, make([]int16, n)...)
	copy(in[n:], in[:len(in)-n]) // in now starts with two copies of its first Lag frames
	later := in[2*n:]
	for i := range Overlap * Channels { // fade from the original continuation of the first copy to the second copy
		in[n+i] = between(later[i], in[n+i], i/Channels, Overlap)
	}
	return in
}

// CrossFade fades from the start of src to the start of dst, and writes the result to dst. The fade is the given number of
// frames long, but stops at the end of the shorter slice.
func CrossFade(dst, src []int16, frames int) {
	n := min(len(dst), len(src), frames*Channels)
	for i := range n {
		dst[i] = between(src[i], dst[i], i/Channels, frames)
	}
}

// between interpolates linearly from a at i = 0 to b at i = n.
func between(a, b int16, i, n int) int16 {
	return int16((int(a)*(n-i) + int(b)*i) / n)
}

// coarse is the number of frames that are added to one value for the first, coarse search of match.
const coarse = 4

// match finds the position in x, in frames, at which x is most similar to ref. x has at most SpliceReach frames. The
// similarity is the normalized correlation of the sum of both channels; a negative one counts as 0.
func match(x, ref []int16) (position int, similarity float64) {
	var mx, mr, tx, tr [SpliceReach]float32
	whole, part := mono(mx[:], x), mono(mr[:], ref)
	around, _ := search(thin(tx[:], whole), thin(tr[:], part), 0, SpliceReach)
	return search(whole, part, (around-1)*coarse, (around+1)*coarse)
}

// search returns the position in x, from first to last, at which x is most similar to ref. It leaves out positions at which
// ref would extend beyond the end of x.
func search(x, ref []float32, first, last int) (position int, similarity float64) {
	similarity = -2
	for i := max(0, first); i <= min(last, len(x)-len(ref)); i++ {
		if c := correlation(x[i:], ref); c > similarity {
			similarity, position = c, i
		}
	}
	return position, max(similarity, 0)
}

// mono writes the sum of both channels of in to out.
func mono(out []float32, in []int16) []float32 {
	out = out[:len(in)/Channels]
	for i := range out {
		out[i] = float32(in[2*i]) + float32(in[2*i+1])
	}
	return out
}

// thin writes one value to out for every coarse values of in: their sum.
func thin(out, in []float32) []float32 {
	out = out[:len(in)/coarse]
	for i := range out {
		for _, v := range in[i*coarse : (i+1)*coarse] {
			out[i] += v
		}
	}
	return out
}

// correlation returns the normalized correlation of ref with the start of x, from -1 to 1. It is 1 if both are silent.
func correlation(x, ref []float32) float64 {
	var dot, xx, rr float32
	x = x[:len(ref)]
	for i, r := range ref {
		dot += x[i] * r
		xx += x[i] * x[i]
		rr += r * r
	}
	if xx == 0 && rr == 0 {
		return 1
	}
	return float64(dot) / math.Sqrt(float64(xx)*float64(rr)+1)
}
