package pcm

import (
	"math"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tone returns stereo frames of a sine with the given amplitude.
func tone(frames int, hz, amplitude float64) []int16 {
	out := make([]int16, 0, frames*Channels)
	for i := range frames {
		v := int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/Rate)))
		out = append(out, v, v)
	}
	return out
}

func samples() *rapid.Generator[[]int16] {
	return rapid.SliceOfN(rapid.Int16(), 40, 40)
}

func TestSubReversesAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.SliceOfN(samples(), 2, 64).Draw(t, "inputs")
		all, others := make([]int32, 40), make([]int32, 40)
		mine := rapid.IntRange(0, len(inputs)-1).Draw(t, "mine")
		for i, in := range inputs {
			Add(all, in)
			if i != mine {
				Add(others, in)
			}
		}
		Sub(all, inputs[mine])
		if !slices.Equal(all, others) {
			t.Fatal("the mix without one is not the mix of the others")
		}
	})
}

func TestAddStopsAtTheShorter(t *testing.T) {
	sum := make([]int32, 2)
	Add(sum, []int16{1, 2, 3})
	Add(sum, []int16{10})
	Sub(sum, []int16{0, 1, 7})
	if want := []int32{11, 1}; !slices.Equal(sum, want) {
		t.Errorf("sum is %v, want %v", sum, want)
	}
}

func TestGain(t *testing.T) {
	for name, c := range map[string]struct {
		in, want []int16
		from, to float32
	}{
		"unity":               {[]int16{5, -5}, []int16{5, -5}, 1, 1},
		"silence":             {[]int16{5, -5}, []int16{0, 0}, 0, 0},
		"half, to even":       {[]int16{5, -5, 3, 7}, []int16{2, -2, 2, 4}, 0.5, 0.5},
		"fade in by frames":   {[]int16{100, -100, 100, -100, 100, -100, 100, -100}, []int16{0, 0, 25, -25, 50, -50, 75, -75}, 0, 1},
		"fade out by frames":  {[]int16{100, 100, 100, 100}, []int16{100, 100, 50, 50}, 1, 0},
		"clips at both ends":  {[]int16{30000, -30000}, []int16{32767, -32768}, 2, 2},
		"half a frame stays":  {[]int16{10, 10, 10}, []int16{5, 5, 10}, 0.5, 0.5},
		"nothing is no error": {nil, nil, 0.5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if Gain(c.in, c.from, c.to); !slices.Equal(c.in, c.want) {
				t.Errorf("got %v, want %v", c.in, c.want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	square := slices.Repeat([]int16{-32768}, 960)
	for name, c := range map[string]struct {
		in   []int16
		want float64
	}{
		"full-scale square": {square, 0},
		"full-scale sine":   {tone(4800, 1000, 32767), -3.01},
		"a tenth":           {tone(4800, 1000, 3276.7), -23.01},
		"silence":           {make([]int16, 960), Floor},
		"nothing":           {nil, Floor},
		"one bit once":      {append(make([]int16, 1<<20), 1), Floor},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Level(c.in); math.Abs(got-c.want) > 0.02 {
				t.Errorf("level %.2f dB, want %.2f", got, c.want)
			}
		})
	}
}

func TestGoertzel(t *testing.T) {
	mix := make([]int32, 4800*Channels)
	Add(mix, tone(4800, 440, 8192))
	Add(mix, tone(4800, 1003.7, 4096))
	in := make([]int16, len(mix))
	for i, v := range mix {
		in[i] = int16(v)
	}
	for name, c := range map[string]struct{ hz, low, high float64 }{
		"first tone":              {440, -12.1, -12},
		"second, between bins":    {1003.7, -18.2, -18},
		"40 Hz beside the first":  {480, Floor, -45},
		"far from both":           {5000, Floor, -80},
		"near the half of a rate": {23990, Floor, -80},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Goertzel(in, Rate, c.hz); got < c.low || got > c.high {
				t.Errorf("%.0f Hz at %.2f dB, want %.1f to %.1f", c.hz, got, c.low, c.high)
			}
		})
	}
	for _, got := range []float64{Goertzel(nil, Rate, 440), Goertzel(in, 0, 440), Goertzel(make([]int16, 960), Rate, 440)} {
		if got != Floor {
			t.Errorf("nothing to hear measured as %.1f dB", got)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	in, sum, out := tone(960, 440, 30000), make([]int32, 1920), make([]int16, 1920)
	l := NewLimiter()
	got := testing.AllocsPerRun(20, func() {
		Add(sum, in)
		l.Process(out, sum)
		Gain(out, 0, 1)
		Level(out)
		Goertzel(out, Rate, 440)
	})
	if got != 0 {
		t.Errorf("%.0f allocations a block, want none", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	in, sum := tone(960, 440, 1000), make([]int32, 1920)
	b.SetBytes(int64(2 * len(in)))
	for b.Loop() {
		Add(sum, in)
	}
}

func BenchmarkGain(b *testing.B) {
	in := tone(960, 440, 1000)
	for b.Loop() {
		Gain(in, 1, 0.99)
	}
}

func BenchmarkLevel(b *testing.B) {
	in := tone(960, 440, 1000)
	for b.Loop() {
		Level(in)
	}
}
