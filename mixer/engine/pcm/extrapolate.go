package pcm

import "math"

// How an Extrapolator fades. Lengths are in frames.
const (
	guessHold = Rate * 20 / 1000 // the guess is at full level up to here
	guessEnd  = Rate * 80 / 1000 // the guess ends here
	// Past is the number of frames before the gap that an Extrapolator uses.
	Past = MaxLag + Overlap
	// quietGuess is the level in dBFS below which audio is only faded out. Repeated noise would be noticed.
	quietGuess = -50
)

// Extrapolator conceals a gap: it continues the audio before the gap by a guess. It repeats the last period of that audio,
// at full level for 20 ms, and fades it out until 80 ms. Quiet audio is faded out within Overlap. The zero value is silent.
// Not for concurrent use.
type Extrapolator struct {
	cycle    [MaxLag * Channels]int16 // the period that is repeated
	step     [Channels]int            // difference between the end of the past and the end of cycle; added at the start, and faded out
	size     int                      // number of samples in cycle
	produced int                      // number of frames since Start
	end      int                      // number of frames after which only silence follows
}

// Start prepares to continue past, of which it copies what it needs. It uses the last Past frames. If past is shorter, the
// continuation is silent.
func (e *Extrapolator) Start(past []int16) {
	*e = Extrapolator{end: guessEnd}
	if len(past) < Past*Channels {
		e.size, e.end = 0, 0
		return
	}
	past = past[len(past)-Past*Channels:]
	if Level(past[len(past)/2:]) < quietGuess {
		e.end = Overlap
	}
	ref := past[len(past)-Overlap*Channels:]
	at, _ := match(past[:len(past)-MinLag*Channels], ref)
	period := MaxLag - at
	e.size = period * Channels
	tail := e.cycle[:e.size]
	copy(tail, past[len(past)-e.size:])
	// The end of the cycle fades into the audio that came before the cycle, so that the cycle can be repeated without a click.
	over := min(Overlap, period/2) * Channels
	before, last := past[len(past)-e.size-over:len(past)-e.size], tail[len(tail)-over:]
	for i := range last {
		last[i] = between(last[i], before[i], i/Channels+1, over/Channels)
	}
	for c := range e.step {
		e.step[c] = int(past[len(past)-Channels+c]) - int(past[len(past)-e.size-Channels+c])
	}
}

// Next fills out with the audio that follows. The result is false if out starts after the end of the guess and so is
// silent.
func (e *Extrapolator) Next(out []int16) bool {
	first := e.produced
	for i := 0; i+1 < len(out); i += Channels {
		out[i], out[i+1] = e.frame()
		e.produced++
	}
	return first < e.end
}

// Done reports whether only silence follows.
func (e *Extrapolator) Done() bool { return e.produced >= e.end }

// frame returns the next frame.
func (e *Extrapolator) frame() (left, right int16) {
	if e.Done() {
		return 0, 0
	}
	at := e.produced * Channels % e.size
	return e.sample(e.cycle[at], e.step[0]), e.sample(e.cycle[at+1], e.step[1])
}

// sample corrects the sample v of the cycle by step, and fades it.
func (e *Extrapolator) sample(v int16, step int) int16 {
	x := int(v)
	if e.produced < Overlap {
		x += step * (Overlap - e.produced) / Overlap
	}
	hold := min(guessHold, e.end-Overlap)
	if e.produced > hold {
		x = x * (e.end - e.produced) / (e.end - hold)
	}
	return int16(min(max(x, math.MinInt16), math.MaxInt16))
}
