package mixer

import (
	"log/slog"
	"math"
	"testing"

	"azulejo/codec"
)

// ramp is a tone of 300 Hz, blocks long, that begins at block first.
func ramp(first, blocks int) []int16 {
	out := make([]int16, blocks*blockLength)
	for i := 0; i < len(out); i += 2 {
		v := int16(9000 * math.Sin(2*math.Pi*300*float64(first*blockLength/2+i/2)/codec.SampleRate))
		out[i], out[i+1] = v, v
	}
	return out
}

func soundSource(t *testing.T) *soundIn {
	t.Helper()
	s := newSoundIn(slog.New(slog.DiscardHandler))
	t.Cleanup(s.close)
	return s
}

// drain pulls until nothing is left and returns all that was heard.
func drain(s *soundIn) (all []int16) {
	for {
		b := s.pull()
		if b == nil {
			return all
		}
		all = append(all, b...)
	}
}

// largestStep is the greatest difference of neighbouring samples; the tone's own is 353.
func largestStep(sound []int16) int {
	step := 0
	for i := 2; i < len(sound); i += 2 {
		d := int(sound[i]) - int(sound[i-2])
		step = max(step, d, -d)
	}
	return step
}

const noClick = 600

func TestSoundBeginsAndEndsWithoutAClick(t *testing.T) {
	s := soundSource(t)
	for _, cut := range []int{0, 222, 960} { // what is missing of the last block
		tone := ramp(0, 4)
		s.push(codec.Opus, tone[:soundDelay], false)
		heard := append([]int16(nil), s.pull()...)
		s.push(codec.Opus, tone[soundDelay:len(tone)-cut], false)
		heard = append(heard, drain(s)...)
		if len(heard) < len(tone) {
			t.Errorf("cut %d: %d of %d values heard", cut, len(heard), len(tone))
		}
		if first, last := heard[0], heard[len(heard)-1]; first > 50 || last > 50 || last < -50 {
			t.Errorf("cut %d: begins at %d and ends at %d", cut, first, last)
		}
		if d := largestStep(append(heard, 0, 0)); d > noClick {
			t.Errorf("cut %d: a click of %d", cut, d)
		}
	}
}

func TestMutingFades(t *testing.T) {
	s := soundSource(t)
	s.push(codec.Opus, ramp(0, 3), false)
	heard := append([]int16(nil), s.pull()...)
	s.push(codec.Opus, ramp(3, 5), false)
	heard = append(heard, s.pull()...)
	s.muted.Store(true)
	heard = append(heard, s.pull()...)
	if s.pull() != nil {
		t.Error("a muted source is heard")
	}
	s.muted.Store(false)
	if d := largestStep(heard); d > noClick {
		t.Errorf("a click of %d", d)
	}
	if s.pull() == nil {
		t.Error("an unmuted source is not heard")
	}
}

func TestABurstAddsNoDelay(t *testing.T) {
	s := soundSource(t)
	s.push(codec.Opus, ramp(0, 9), false)
	if s.pull(); len(s.queue) != soundDelay-blockLength {
		t.Errorf("%d blocks wait after the first was played, want %d", len(s.queue)/blockLength, soundDelay/blockLength-1)
	}
	for i := range 50 {
		s.push(codec.Opus, ramp(i, 1), false)
	}
	if len(s.queue) > soundLimit {
		t.Errorf("%d blocks wait, want %d at most", len(s.queue)/blockLength, soundLimit/blockLength)
	}
}

func TestShorteningIsNoClick(t *testing.T) {
	s := soundSource(t)
	s.push(codec.Opus, ramp(0, 3), false)
	heard := append([]int16(nil), s.pull()...)
	s.push(codec.Opus, ramp(3, 9), false) // 11 blocks wait: one too many
	heard = append(heard, drain(s)...)
	if d := largestStep(heard); d > noClick {
		t.Errorf("a click of %d", d)
	}
}

func TestALostPacketIsGuessedNotSkipped(t *testing.T) {
	s := soundSource(t)
	s.push(codec.Opus, ramp(0, 3), false)
	s.push(codec.Opus, ramp(4, 1), true)
	if len(s.queue) != 5*blockLength {
		t.Errorf("%d blocks wait, want the lost one guessed: 5", len(s.queue)/blockLength)
	}
	if d := largestStep(s.queue[:4*blockLength]); d > noClick {
		t.Errorf("a click of %d where the guess begins", d)
	}
}
