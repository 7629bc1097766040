package pcm

import "math"

// Lags between which two pieces of sound are compared, in frames: the periods of voices from 66 to 400 Hz.
const (
	MinLag = Rate * 25 / 10000
	MaxLag = Rate * 15 / 1000
	// Overlap is over how many frames one piece of sound goes over into another.
	Overlap = Rate * 5 / 1000
	// SpliceReach is how many frames a Splice looks at.
	SpliceReach = MaxLag + Overlap
)

// Splice is a place where sound can be shortened or lengthened.
type Splice struct {
	Lag        int     // frames that can be taken out or repeated
	Similarity float64 // of what would follow to what does: 1 for a periodic sound, and for silence; 0 for noise
}

// FindSplice looks at the first SpliceReach frames of in for what repeats itself after MinLag to MaxLag frames.
// A shorter in has a Splice of Similarity 0.
func FindSplice(in []int16) Splice {
	if len(in) < SpliceReach*Channels {
		return Splice{Lag: MinLag}
	}
	at, similarity := match(in[MinLag*Channels:SpliceReach*Channels], in[:Overlap*Channels])
	return Splice{MinLag + at, similarity}
}

// Shorten takes the splice's frames out of the beginning of in, whose memory it uses.
func (s Splice) Shorten(in []int16) []int16 {
	later := in[s.Lag*Channels:]
	for i := range Overlap * Channels {
		in[i] = between(in[i], later[i], i/Channels, Overlap)
	}
	n := Overlap * Channels
	return in[:n+copy(in[n:], later[n:])]
}

// Lengthen repeats the splice's frames at the beginning of in and returns it, perhaps in new memory.
func (s Splice) Lengthen(in []int16) []int16 {
	n := s.Lag * Channels
	in = append(in, make([]int16, n)...)
	copy(in[n:], in[:len(in)-n]) // what was at 0 is at the lag as well
	later := in[2*n:]
	for i := range Overlap * Channels { // at the lag goes on what followed it, and becomes the repetition
		from, to := later[i], in[n+i]
		in[n+i] = between(from, to, i/Channels, Overlap)
	}
	return in
}

// CrossFade lets from go over into to within the first frames of both, as far as they reach; to holds the result.
func CrossFade(to, from []int16, frames int) {
	n := min(len(to), len(from), frames*Channels)
	for i := range n {
		to[i] = between(from[i], to[i], i/Channels, frames)
	}
}

// between is a at 0 of n and b at n of n.
func between(a, b int16, i, n int) int16 {
	return int16((int(a)*(n-i) + int(b)*i) / n)
}

// coarse is how many frames are one when looking around.
const coarse = 4

// match finds the frame of x, of at most SpliceReach, from which on it is most similar to ref, and how similar: the
// normalized correlation of both channels together.
func match(x, ref []int16) (at int, similarity float64) {
	var mx, mr, tx, tr [SpliceReach]float32
	whole, part := mono(mx[:], x), mono(mr[:], ref)
	around, _ := search(thin(tx[:], whole), thin(tr[:], part), 0, SpliceReach)
	return search(whole, part, (around-1)*coarse, (around+1)*coarse)
}

// search tries the positions from first to last, as far as there are any.
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

// thin is at a fourth of the rate.
func thin(out, in []float32) []float32 {
	out = out[:len(in)/coarse]
	for i := range out {
		for _, v := range in[i*coarse : (i+1)*coarse] {
			out[i] += v
		}
	}
	return out
}

// correlation of the beginning of x with ref, from -1 to 1; silence is like silence.
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
