package pcm

import "math"

// How an Extrapolator fades. Lengths are in frames.
const (
	guessHold = Rate * 20 / 1000
	guessEnd  = Rate * 80 / 1000
	// Past is how many frames before the gap it uses.
	Past = MaxLag + Overlap
	// quietGuess is the level in dBFS below which audio is only faded out: repeated noise would be noticed.
	quietGuess = -50
)

// Extrapolator continues audio by a guess. It repeats the last period, at full level for 20 ms, and fades out until
// 80 ms. Quiet audio is faded out within Overlap. The zero value is silent. Not for concurrent use.
type Extrapolator struct {
	cycle [MaxLag * Channels]int16
	step  [Channels]int // the difference between the end of the past and the cycle; added, and faded out
	size  int           // samples of cycle that are used
	made  int           // frames since Start
	end   int           // frames after which there is silence
}

// Start prepares to continue past. It copies what it needs of the last Past frames.
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
	// The end of the cycle fades into the audio before its beginning, so that it can be repeated without a click.
	over := min(Overlap, period/2) * Channels
	before, last := past[len(past)-e.size-over:len(past)-e.size], tail[len(tail)-over:]
	for i := range last {
		last[i] = between(last[i], before[i], i/Channels+1, over/Channels)
	}
	for c := range e.step {
		e.step[c] = int(past[len(past)-Channels+c]) - int(past[len(past)-e.size-Channels+c])
	}
}

// Next fills out with the audio that follows, and reports whether any of it is more than silence.
func (e *Extrapolator) Next(out []int16) bool {
	first := e.made
	for i := 0; i+1 < len(out); i += Channels {
		out[i], out[i+1] = e.frame()
		e.made++
	}
	return first < e.end
}

// Done reports whether only silence follows.
func (e *Extrapolator) Done() bool { return e.made >= e.end }

func (e *Extrapolator) frame() (left, right int16) {
	if e.Done() {
		return 0, 0
	}
	at := e.made * Channels % e.size
	return e.sample(e.cycle[at], e.step[0]), e.sample(e.cycle[at+1], e.step[1])
}

func (e *Extrapolator) sample(v int16, step int) int16 {
	x := int(v)
	if e.made < Overlap {
		x += step * (Overlap - e.made) / Overlap
	}
	hold := min(guessHold, e.end-Overlap)
	if over := e.made - hold; over > 0 {
		x = x * (e.end - e.made) / (e.end - hold)
	}
	return int16(min(max(x, math.MinInt16), math.MaxInt16))
}
