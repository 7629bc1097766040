package pcm

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const lag = ahead * Channels

// limit runs sum, followed by Delay of silence, through a new limiter in blocks of 20 ms.
func limit(sum []int32) []int16 {
	sum = append(slices.Clone(sum), make([]int32, lag)...)
	out, l := make([]int16, len(sum)), NewLimiter()
	for i := 0; i < len(sum); i += 1920 {
		l.Process(out[i:min(i+1920, len(out))], sum[i:])
	}
	return out
}

// loud is a sine whose amplitude may exceed 16 bits.
func loud(frames int, hz, amplitude float64) []int32 {
	out := make([]int32, 0, frames*Channels)
	for i := range frames {
		v := int32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/Rate))
		out = append(out, v, v)
	}
	return out
}

func narrow(in []int32) []int16 {
	out := make([]int16, len(in))
	for i, v := range in {
		out[i] = int16(v)
	}
	return out
}

func TestLimiterIsTransparentBelowTheCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum := rapid.SliceOfN(rapid.Int32Range(-Ceiling, Ceiling), 0, 4000).Draw(t, "sum")
		sum = sum[:len(sum)&^1]
		out := limit(sum)
		if !slices.Equal(out[:lag], make([]int16, lag)) {
			t.Fatal("the delay is not silent")
		}
		if !slices.Equal(out[lag:], narrow(sum)) {
			t.Fatal("sound below the ceiling was changed")
		}
	})
}

func TestLimiterNeverOvershoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := rapid.OneOf(rapid.Int32(), rapid.Int32Range(-64*32768, 64*32767), rapid.Int32Range(-100, 100))
		for _, v := range limit(rapid.SliceOfN(sample, 0, 4000).Draw(t, "sum")) {
			if v > Ceiling || v < -Ceiling {
				t.Fatalf("sample %d is above the ceiling %d", v, Ceiling)
			}
		}
	})
}

func TestLimiterSeamless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum := loud(3000, 777, 50000)
		want, got, l := limit(sum), make([]int16, len(sum)), NewLimiter()
		for at := 0; at < len(sum); {
			n := min(2*rapid.IntRange(1, 1500).Draw(t, "frames"), len(sum)-at)
			l.Process(got[at:at+n], sum[at:])
			at += n
		}
		if !slices.Equal(got, want[:len(got)]) {
			t.Fatal("the size of the blocks changed the sound")
		}
	})
}

// TestLimiterReachesTheCeiling: a loud tone is not attenuated more than needed.
func TestLimiterReachesTheCeiling(t *testing.T) {
	out := limit(loud(Rate, 440, 4*32767))
	if top := slices.Max(out[Rate:]); top < Ceiling*99/100 {
		t.Errorf("a steady loud tone comes out at %d, want about %d", top, Ceiling)
	}
}

// TestLimiterSteadyTone: the gain does not follow the wave, which would add harmonics to a tone.
func TestLimiterSteadyTone(t *testing.T) {
	for _, hz := range []float64{60, 100, 440, 3000} {
		out := limit(loud(2*Rate, hz, 2*32767))[2*Rate:]
		base := Goertzel(out, Rate, hz)
		for _, harmonic := range []float64{2, 3, 5, 7} {
			if d := base - Goertzel(out, Rate, hz*harmonic); d < 36 {
				t.Errorf("%.0f Hz: harmonic %.0f is only %.1f dB below", hz, harmonic, d)
			}
		}
	}
}

// TestLimiterBothChannelsShareTheGain: a loud left channel does not move the stereo image to the right.
func TestLimiterBothChannelsShareTheGain(t *testing.T) {
	sum := loud(4800, 440, 80000)
	for i := 1; i < len(sum); i += 2 {
		sum[i] /= 4
	}
	out := limit(sum)
	for i := 0; i < len(out); i += 2 {
		if d := int(out[i]) - 4*int(out[i+1]); d < -8 || d > 8 {
			t.Fatalf("frame %d: %d against %d, want a fourth", i/2, out[i], out[i+1])
		}
	}
}

// TestLimiterDoesNotPump: a burst is 6 dB above the ceiling, over a quiet tone. The tone may dip. It recovers smoothly, by
// at most 0.2 dB from one millisecond to the next, and in the end exactly.
func TestLimiterDoesNotPump(t *testing.T) {
	sum := slices.Repeat([]int32{1000}, 3*Rate*Channels)
	for i := 0; i < 240; i++ {
		sum[Rate*2/10*Channels+i] = 2 * Ceiling
	}
	out := limit(sum)[lag:]
	const ms = Rate / 1000 * Channels
	deepest, after := math.Inf(1), Rate*2/10*Channels+240
	for i := after; i+ms < len(out); i += ms {
		was, is := 20*math.Log10(float64(out[i])), 20*math.Log10(float64(out[i+ms]))
		deepest = min(deepest, was)
		if is-was > 0.2 || is < was {
			t.Fatalf("%d ms after the burst the level jumps by %.2f dB", (i-after)/ms, is-was)
		}
	}
	if deepest > 60-3 {
		t.Fatalf("the burst only cost %.1f dB: it is not being limited", 60-deepest)
	}
	if at := slices.Index(out[after:], 990); at < 0 || at > ms*800 {
		t.Errorf("0.1 dB below is reached %d ms after the burst, want within 800", at/ms)
	}
	if last := out[len(out)-1]; last != 1000 {
		t.Errorf("ends at %d, want 1000: transparent again", last)
	}
}

func BenchmarkLimiter(b *testing.B) {
	for name, amplitude := range map[string]float64{"quiet": 10000, "loud": 100000} {
		b.Run(name, func(b *testing.B) {
			sum, out, l := loud(960, 440, amplitude), make([]int16, 1920), NewLimiter()
			for b.Loop() {
				l.Process(out, sum)
			}
		})
	}
}
