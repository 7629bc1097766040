package pcm

import "math"

// The lags at which audio is compared with itself, in frames: the periods of voices from 66 to 400 Hz.
const (
	MinLag = Rate * 25 / 10000
	MaxLag = Rate * 15 / 1000
	// Overlap is the length of a cross-fade in frames.
	Overlap = Rate * 5 / 1000
	// SpliceReach is how many frames FindSplice looks at.
	SpliceReach = MaxLag + Overlap
)

// Splice tells by how much audio can be shortened or lengthened at its beginning.
type Splice struct {
	Lag        int     // frames that can be removed or repeated
	Similarity float64 // of the audio at both ends of the lag: 1 for periodic audio and for silence, 0 for noise
}

// FindSplice finds the lag from MinLag to MaxLag after which the first SpliceReach frames of in repeat themselves best.
// If in is shorter, the Similarity is 0.
func FindSplice(in []int16) Splice {
	if len(in) < SpliceReach*Channels {
		return Splice{Lag: MinLag}
	}
	at, similarity := match(in[MinLag*Channels:SpliceReach*Channels], in[:Overlap*Channels])
	return Splice{MinLag + at, similarity}
}

// Shorten removes Lag frames at the beginning of in, and returns the rest in the same memory.
func (s Splice) Shorten(in []int16) []int16 {
	later := in[s.Lag*Channels:]
	for i := range Overlap * Channels {
		in[i] = between(in[i], later[i], i/Channels, Overlap)
	}
	n := Overlap * Channels
	return in[:n+copy(in[n:], later[n:])]
}

// Lengthen repeats Lag frames at the beginning of in. The result may be in new memory.
func (s Splice) Lengthen(in []int16) []int16 {
	n := s.Lag * Channels
	in = append(in, make([]int16, n)...)
	copy(in[n:], in[:len(in)-n]) // the beginning is at 0 and at the lag
	later := in[2*n:]
	for i := range Overlap * Channels { // fade at the lag from the audio that followed the repeated frames to their repetition
		from, to := later[i], in[n+i]
		in[n+i] = between(from, to, i/Channels, Overlap)
	}
	return in
}

// CrossFade fades from the first frames of from to those of to, up to the shorter of the two. The result is in to.
func CrossFade(to, from []int16, frames int) {
	n := min(len(to), len(from), frames*Channels)
	for i := range n {
		to[i] = between(from[i], to[i], i/Channels, frames)
	}
}

// between interpolates: it is a at i = 0, and b at i = n.
func between(a, b int16, i, n int) int16 {
	return int16((int(a)*(n-i) + int(b)*i) / n)
}

// coarse is how many frames are summed for the first search.
const coarse = 4

// match finds the position in x, which has at most SpliceReach frames, where it is most similar to ref. The similarity
// is the normalized correlation of the sum of both channels.
func match(x, ref []int16) (at int, similarity float64) {
	var mx, mr, tx, tr [SpliceReach]float32
	whole, part := mono(mx[:], x), mono(mr[:], ref)
	around, _ := search(thin(tx[:], whole), thin(tr[:], part), 0, SpliceReach)
	return search(whole, part, (around-1)*coarse, (around+1)*coarse)
}

// search finds the best position from first to last, as far as x reaches.
func search(x, ref []float32, first, last int) (at int, similarity float64) {
	similarity = -2
	for i := max(0, first); i <= min(last, len(x)-len(ref)); i++ {
		if c := correlation(x[i:], ref); c > similarity {
			similarity, at = c, i
		}
	}
	return at, max(similarity, 0)
}

func mono(out []float32, in []int16) []float32 {
	out = out[:len(in)/Channels]
	for i := range out {
		out[i] = float32(in[2*i]) + float32(in[2*i+1])
	}
	return out
}

// thin sums each coarse values of in to one of out.
func thin(out, in []float32) []float32 {
	out = out[:len(in)/coarse]
	for i := range out {
		for _, v := range in[i*coarse : (i+1)*coarse] {
			out[i] += v
		}
	}
	return out
}

// correlation is that of the beginning of x with ref, from -1 to 1. Two silences have 1.
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
