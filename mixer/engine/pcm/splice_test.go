package pcm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// step is the largest difference between neighbouring frames.
func step(in []int16) (top int) {
	for i := Channels; i < len(in); i++ {
		d := int(in[i]) - int(in[i-Channels])
		top = max(top, d, -d)
	}
	return top
}

func hiss(frames int, amplitude float64) []int16 {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]int16, frames*Channels)
	for i := range out {
		out[i] = int16(amplitude * (2*r.Float64() - 1))
	}
	return out
}

// TestSplicedTonesAreContinuous: a tone with a period removed or repeated is still that tone.
func TestSplicedTonesAreContinuous(t *testing.T) {
	for _, hz := range []float64{80, 150, 300, 440, 1000, 3111} {
		in := tone(4800, hz, 9000)
		s := FindSplice(in)
		if s.Similarity < 0.98 {
			t.Errorf("%.0f Hz: similarity %.3f", hz, s.Similarity)
		}
		for name, out := range map[string][]int16{"shorter": s.Shorten(slices.Clone(in)), "longer": s.Lengthen(slices.Clone(in))} {
			want := len(in) - s.Lag*Channels
			if name == "longer" {
				want = len(in) + s.Lag*Channels
			}
			if len(out) != want {
				t.Errorf("%.0f Hz %s: %d values, want %d", hz, name, len(out), want)
			}
			if d := step(out); float64(d) > 1.1*float64(step(in))+10 {
				t.Errorf("%.0f Hz %s: a step of %d, %d before", hz, name, d, step(in))
			}
			if a, b := Goertzel(in, Rate, hz), Goertzel(out, Rate, hz); math.Abs(a-b) > 0.5 {
				t.Errorf("%.0f Hz %s: %.2f dB became %.2f dB", hz, name, a, b)
			}
		}
	}
}

func TestSpliceSimilarity(t *testing.T) {
	if s := FindSplice(hiss(SpliceReach, 9000)); s.Similarity > 0.5 {
		t.Errorf("noise repeats itself with %.2f", s.Similarity)
	}
	if s := FindSplice(make([]int16, SpliceReach*Channels)); s.Similarity != 1 {
		t.Errorf("silence is similar to itself by %.2f", s.Similarity)
	}
	if s := FindSplice(tone(SpliceReach-1, 300, 9000)); s.Similarity != 0 {
		t.Error("a splice was found in less than there must be")
	}
}

func TestExtrapolatorContinuesAndEnds(t *testing.T) {
	for _, hz := range []float64{100, 300, 444, 1000} {
		var e Extrapolator
		past := tone(Past, hz, 9000)
		e.Start(past)
		out := slices.Clone(past)
		block := make([]int16, 960*Channels)
		for e.Next(block) {
			out = append(out, block...)
		}
		if d := step(out); float64(d) > 1.2*float64(step(past))+10 {
			t.Errorf("%.0f Hz: a step of %d, %d before", hz, d, step(past))
		}
		whole := tone(Past+guessHold, hz, 9000)
		var worst int
		for i := range whole {
			worst = max(worst, int(whole[i])-int(out[i]), int(out[i])-int(whole[i]))
		}
		if worst > 900 {
			t.Errorf("%.0f Hz: the guess of 20 ms is up to %d off", hz, worst)
		}
		if !e.Done() || !slices.Equal(block, make([]int16, len(block))) {
			t.Errorf("%.0f Hz: never ends", hz)
		}
	}
}

func TestExtrapolatorDoesNotRepeatQuietAudio(t *testing.T) {
	var e Extrapolator
	e.Start(hiss(Past, 60))
	block := make([]int16, 960*Channels)
	e.Next(block)
	if !e.Done() || Level(block[Overlap*Channels:]) != Floor {
		t.Error("noise at -59 dB was repeated")
	}
	e.Start(tone(Past-1, 300, 9000))
	if e.Next(block); Level(block) != Floor {
		t.Error("something was made of too little")
	}
}

func BenchmarkFindSplice(b *testing.B) {
	in := tone(SpliceReach, 150, 9000)
	for b.Loop() {
		FindSplice(in)
	}
}
