package pcm

import "math"

// How an Extrapolator fades its guess, the audio that it makes up. Lengths are in frames.
const (
	guessHold = Rate * 20 / 1000 // the guess is at full level for 20 ms
	guessEnd  = Rate * 80 / 1000 // the guess ends after 80 ms
	// Past is the number of frames before a gap that an Extrapolator needs.
	Past = MaxLag + Overlap
	// quietGuess is a level in dBFS. Audio below it is faded out within Overlap, because the repetition of noise is audible.
	quietGuess = -50
)

// Extrapolator conceals a gap in the audio. It continues the audio before the gap by a guess: it repeats the last period of
// this audio. The guess is at full level for 20 ms, and fades out until 80 ms. Quiet audio fades out within Overlap. The zero
// value is silent. Not for concurrent use.
type Extrapolator struct {
	cycle    [MaxLag * Channels]int16 // the period that is repeated
	step     [Channels]int            // offset per channel that avoids a click at the start of the guess; fades out within Overlap
	size     int                      // number of samples in cycle
	produced int                      // number of frames since Start
	end      int                      // number of frames after which only silence follows
}

// Start begins a gap after the audio history. It uses the last Past frames of history, and keeps no reference to history. If
// history is shorter, the guess is silent.
func (e *Extrapolator) Start(history []int16) {
	*e = Extrapolator{end: guessEnd}
	if len(history) < Past*Channels {
		e.size, e.end = 0, 0
		return
	}
	history = history[len(history)-Past*Channels:]
	if Level(history[len(history)/2:]) < quietGuess {
		e.end = Overlap
	}
	ref := history[len(history)-Overlap*Channels:]
	position, _ := match(history[:len(history)-MinLag*Channels], ref)
	period := MaxLag - position
	e.size = period * Channels
	tail := e.cycle[:e.size]
	copy(tail, history[len(history)-e.size:])
	// The end of the cycle fades into the audio that came before the cycle, so that the cycle can be repeated without a click.
	over := min(Overlap, period/2) * Channels
	before, last := history[len(history)-e.size-over:len(history)-e.size], tail[len(tail)-over:]
	for i := range last {
		last[i] = between(last[i], before[i], i/Channels+1, over/Channels)
	}
	for c := range e.step {
		e.step[c] = int(history[len(history)-Channels+c]) - int(history[len(history)-e.size-Channels+c])
	}
}

// Next fills out with the next frames of the guess. The result is false if the guess had ended before, so that all of out is
// silent.
func (e *Extrapolator) Next(out []int16) bool {
	first := e.produced
	for i := 0; i+1 < len(out); i += Channels {
		out[i], out[i+1] = e.frame()
		e.produced++
	}
	return first < e.end
}

// Done reports whether the guess has ended, so that Next returns only silence.
func (e *Extrapolator) Done() bool { return e.produced >= e.end }

// frame returns the next frame.
func (e *Extrapolator) frame() (left, right int16) {
	if e.Done() {
		return 0, 0
	}
	i := e.produced * Channels % e.size
	return e.sample(e.cycle[i], e.step[0]), e.sample(e.cycle[i+1], e.step[1])
}

// sample returns the sample v of the cycle, corrected by step and faded.
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
