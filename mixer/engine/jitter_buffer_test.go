package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// The tone of these tests. Neighbouring samples differ by at most toneStep. A step above noClick would be heard.
const (
	toneHz    = 300.
	toneLoud  = 9000.
	toneStep  = 353
	noClick   = 600
	perSecond = int(time.Second / blockTime)
)

// ramp is the tone for d, beginning at from.
func ramp(from, d time.Duration) []int16 {
	out := make([]int16, samplesIn(d))
	first := samplesIn(from) / 2
	for i := 0; i < len(out); i += 2 {
		v := int16(toneLoud * math.Sin(2*math.Pi*toneHz*float64(first+i/2)/mixer.SampleRate))
		out[i], out[i+1] = v, v
	}
	return out
}

// second is a second of the tone. It repeats every 10 ms.
var second = ramp(0, time.Second)

// largestStep is the largest difference between neighbouring samples.
func largestStep(audio []int16) int {
	step := 0
	for i := 2; i < len(audio); i += 2 {
		d := int(audio[i]) - int(audio[i-2])
		step = max(step, d, -d)
	}
	return step
}

// wire sends the tone through a jitter buffer under a clock of its own.
type wire struct {
	*jitterBuffer
	packet    time.Duration
	ppm       float64                              // by which the sender's clock is slow
	late      func(at time.Duration) time.Duration // by how much a packet is delayed
	absent    func(at time.Duration) bool          // a packet never comes
	stamp     func(at time.Duration) time.Duration // what a packet's timestamp says
	redundant bool                                 // lost packets are recovered

	sent, now time.Duration // on the sender's clock; on ours
	lost      bool
	last      int16 // sample that was played
	came      time.Duration
}

func newWire(packet time.Duration) *wire {
	return &wire{
		jitterBuffer: newJitterBuffer(), packet: packet, now: 7 * time.Millisecond, late: func(time.Duration) time.Duration { return 0 },
		absent: func(time.Duration) bool { return false }, stamp: func(at time.Duration) time.Duration { return at },
	}
}

// heard is the audio that was played.
type heard struct {
	audio    []int16         // of the first minute
	step     int             // the largest between samples
	delays   []time.Duration // at every block that was played, in order
	silences int             // blocks of nothing
	worst    time.Duration   // that the queue was long
}

func (h *heard) delay() time.Duration {
	var sum time.Duration
	for _, d := range h.delays {
		sum += d
	}
	return sum / time.Duration(max(len(h.delays), 1))
}

// run plays for d.
func (w *wire) run(d time.Duration) (h heard) {
	block := make([]int16, blockLength)
	for end := w.now + d; w.now < end; w.now += blockTime {
		w.deliver()
		h.worst = max(h.worst, durationOf(len(w.queue)))
		if !w.pull(w.now, block) {
			h.silences++
		}
		if !w.starved {
			h.delays = append(h.delays, w.delay(w.now+blockTime))
		}
		h.step = max(h.step, largestStep(block), largestStep([]int16{w.last, 0, block[0], 0}))
		w.last = block[len(block)-2]
		if len(h.audio) < 60*len(second) {
			h.audio = append(h.audio, block...)
		}
	}
	return h
}

// deliver pushes the packets that have come by now.
func (w *wire) deliver() {
	for {
		at := w.sent
		due := at + w.packet + time.Duration(float64(at)*w.ppm/1e6)
		came := max(due+w.late(at), w.came)
		if came > w.now {
			return
		}
		w.sent += w.packet
		if w.absent(at) {
			w.lost = true
			continue
		}
		w.came = came
		var recovered []int16
		if w.lost && w.redundant {
			recovered = second[:samplesIn(w.packet)]
		}
		w.push(came, w.stamp(at), recovered, second[:samplesIn(w.packet)])
		w.lost = false
	}
}

func TestDelayOnACalmNetwork(t *testing.T) {
	for _, packet := range []time.Duration{10, 20, 40, 60} {
		w := newWire(packet * time.Millisecond)
		h := w.run(time.Minute)
		if h.silences > 5 || h.step > toneStep {
			t.Errorf("packets of %v: %d silent blocks, a step of %d", w.packet, h.silences, h.step)
		}
		if d := h.delay(); d < 20*time.Millisecond || d > 45*time.Millisecond {
			t.Errorf("packets of %v wait %v, want 20 to 45 ms", w.packet, d)
		}
	}
}

// TestDelayFollowsJitter: packets are late by up to 60 ms. The delay grows until nothing is lost, and shrinks again when
// the jitter ends.
func TestDelayFollowsJitter(t *testing.T) {
	w := newWire(20 * time.Millisecond)
	calm := w.run(10 * time.Second)
	r := rand.New(rand.NewPCG(5, 6))
	w.late = func(time.Duration) time.Duration { return time.Duration(r.Int64N(int64(60 * time.Millisecond))) }
	learning := w.run(5 * time.Second)
	bad := w.run(30 * time.Second)
	w.late = func(time.Duration) time.Duration { return 0 }
	w.run(40 * time.Second)
	again := w.run(10 * time.Second)
	t.Logf("delay: calm %v, with jitter %v, calm again %v", calm.delay(), bad.delay(), again.delay())
	if bad.delay() < 60*time.Millisecond || bad.delay() > 110*time.Millisecond {
		t.Errorf("delay with 60 ms of jitter is %v, want 60 to 110 ms", bad.delay())
	}
	if again.delay() > 50*time.Millisecond {
		t.Errorf("delay stays at %v when the network is calm again", again.delay())
	}
	for name, h := range map[string]heard{"while learning": learning, "with jitter": bad, "calm again": again} {
		if s := h.step; h.silences > 0 || s > noClick {
			t.Errorf("%s: %d silent blocks, a step of %d", name, h.silences, s)
		}
		if level := pcm.Goertzel(h.audio[len(h.audio)/2:], mixer.SampleRate, toneHz); level < -12.5 {
			t.Errorf("%s: the tone is at %.1f dB, want -11.2", name, level)
		}
	}
}

func TestABurstAddsNoDelay(t *testing.T) {
	w := newWire(20 * time.Millisecond)
	before := w.run(10 * time.Second)
	stall := w.now
	w.late = func(at time.Duration) time.Duration { return max(0, stall+700*time.Millisecond-at) }
	during := w.run(900 * time.Millisecond)
	w.run(4 * time.Second)
	after := w.run(5 * time.Second)
	if during.worst > 200*time.Millisecond {
		t.Errorf("%v waited, want at most %v", during.worst, 200*time.Millisecond)
	}
	if during.silences < 10 {
		t.Error("a guess never ended")
	}
	if d := after.delay() - before.delay(); d > 15*time.Millisecond || after.silences > 0 {
		t.Errorf("a stall of 700 ms added %v of delay; %d silent blocks after it", d, after.silences)
	}
	if s := max(during.step, after.step); s > noClick {
		t.Errorf("a click of %d", s)
	}
}

func TestTheQueueIsNeverLongerThanItsLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		w := newWire(time.Duration(1+r.IntN(6)) * 10 * time.Millisecond)
		spread := r.Int64N(int64(2 * time.Second))
		w.late = func(time.Duration) time.Duration { return time.Duration(r.Int64N(spread + 1)) }
		if h := w.run(20 * time.Second); h.worst > 200*time.Millisecond {
			t.Errorf("packets of %v, late by up to %v: %v waited", w.packet, time.Duration(spread), h.worst)
		}
	}
}

// TestClocksThatDriftApart plays an hour of a sender whose clock is off by 300 ppm, and ten minutes at 500 ppm.
func TestClocksThatDriftApart(t *testing.T) {
	for ppm, d := range map[float64]time.Duration{-500: time.Hour / 6, -300: time.Hour, 300: time.Hour, 500: time.Hour / 6} {
		w := newWire(20 * time.Millisecond)
		w.ppm = ppm
		w.run(10 * time.Second)
		h := w.run(d)
		if lo, hi := slices.Min(h.delays), slices.Max(h.delays); h.silences > 0 || lo < 20*time.Millisecond || hi > 65*time.Millisecond {
			t.Errorf("%+.0f ppm: delay from %v to %v, %d silent blocks", ppm, lo, hi, h.silences)
		}
		if s := h.step; s > toneStep*11/10 {
			t.Errorf("%+.0f ppm: a step of %d", ppm, s)
		}
	}
}

// TestPausesAreNoLoss: after a pause the delay is what it was, and the pause is silent.
func TestPausesAreNoLoss(t *testing.T) {
	w := newWire(20 * time.Millisecond)
	before := w.run(5 * time.Second)
	from := w.sent
	w.absent = func(at time.Duration) bool { return at-from < 3*time.Second }
	pause := w.run(3 * time.Second)
	after := w.run(5 * time.Second)
	if pause.silences < perSecond*3-8 {
		t.Errorf("%d silent blocks in a pause of 3 s", pause.silences)
	}
	if d := after.delay() - before.delay(); d.Abs() > 10*time.Millisecond || after.silences > 4 {
		t.Errorf("the delay changed by %v, %d silent blocks after the pause", d, after.silences)
	}
	if s := max(before.step, pause.step, after.step); s > noClick {
		t.Errorf("a click of %d", s)
	}
}

// TestComfortNoiseIsNotHeard: a silent sender sends a packet of noise every 400 ms. It is not played.
func TestComfortNoiseIsNotHeard(t *testing.T) {
	b := newJitterBuffer()
	noise := ramp(0, blockTime)
	pcm.Gain(noise, 0.005, 0.005)
	block := make([]int16, blockLength)
	for n := range 500 {
		now := time.Duration(n) * blockTime
		if n%20 == 0 {
			b.push(now, now, nil, noise)
		}
		if b.pull(now, block) {
			t.Fatalf("something is heard at %v", now)
		}
	}
	if len(b.queue) > blockLength {
		t.Errorf("%d samples are left", len(b.queue))
	}
}

// TestTimestampsMayJump: timestamps jump after a sleep, at a new sender, and when a clock is set.
func TestTimestampsMayJump(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour, "a little": 700 * time.Millisecond} {
		w := newWire(20 * time.Millisecond)
		before := w.run(5 * time.Second)
		from := w.sent
		w.stamp = func(at time.Duration) time.Duration {
			if at >= from {
				return at + jump
			}
			return at
		}
		after := w.run(5 * time.Second)
		if d := after.delay() - before.delay(); d.Abs() > 15*time.Millisecond || after.silences > 0 {
			t.Errorf("%s: the delay changed by %v, %d silent blocks", name, d, after.silences)
		}
		if s := after.step; s > noClick {
			t.Errorf("%s: a click of %d", name, s)
		}
	}
}

// TestWrongClockRate: G.722 with the clock of its sampling rate advances twice as fast as RFC 3551 says. Access units of AAC are
// longer, and cameras signal any of its sampling rates for any other.
func TestWrongClockRate(t *testing.T) {
	for name, c := range map[string]struct {
		packet time.Duration
		factor float64
	}{
		"twice": {20 * time.Millisecond, 2}, "half": {20 * time.Millisecond, 0.5}, "never": {20 * time.Millisecond, 0},
		"AAC of 16 kHz as 8 kHz": {64 * time.Millisecond, 2}, "AAC of 8 kHz as 48 kHz": {128 * time.Millisecond, 1. / 6},
		"AAC of 44.1 kHz as 8 kHz": {23220 * time.Microsecond, 44.1 / 8}, "AAC of 48 kHz as 16 kHz": {21333 * time.Microsecond, 3},
	} {
		w := newWire(c.packet)
		w.stamp = func(at time.Duration) time.Duration { return time.Duration(float64(at) * c.factor) }
		w.run(time.Second)
		whole := c.packet%(10*time.Millisecond) == 0 // otherwise the tone has a step between packets
		if h := w.run(10 * time.Second); h.silences > 0 || h.worst > 80*time.Millisecond+c.packet || h.step > noClick && whole {
			t.Errorf("%s: %d silent blocks, a step of %d, up to %v waited", name, h.silences, h.step, h.worst)
		}
	}
}

// TestLossIsBridged: a tenth of the packets is lost. The tone has no gap and no click.
func TestLossIsBridged(t *testing.T) {
	for _, redundant := range []bool{false, true} {
		w := newWire(20 * time.Millisecond)
		w.redundant = redundant
		r := rand.New(rand.NewPCG(9, 10))
		gone := map[time.Duration]bool{}
		w.absent = func(at time.Duration) bool {
			if _, known := gone[at]; !known {
				gone[at] = r.IntN(10) == 0 && !gone[at-w.packet]
			}
			return gone[at]
		}
		w.run(5 * time.Second)
		h := w.run(20 * time.Second)
		level := pcm.Goertzel(h.audio, mixer.SampleRate, toneHz)
		t.Logf("recovered %v: the tone is at %.1f dB of -11.2, delay %v", redundant, level, h.delay())
		if s := h.step; s > noClick || h.silences > 0 || level < -13 {
			t.Errorf("recovered %v: a step of %d, %d silent blocks, %.1f dB", redundant, s, h.silences, level)
		}
	}
}

// TestLongGapsAreSilent: in a long loss, the guess ends after 80 ms.
func TestLongGapsAreSilent(t *testing.T) {
	w := newWire(20 * time.Millisecond)
	w.run(2 * time.Second)
	w.absent = func(time.Duration) bool { return true }
	h := w.run(time.Second)
	if h.silences < perSecond-8 {
		t.Errorf("%d silent blocks of %d", h.silences, perSecond)
	}
	if s := h.step; s > noClick {
		t.Errorf("a click of %d", s)
	}
}

// TestLongerTransitIsNoJitter: the transit of all packets grows by the same time. After 30 s the delay is what it was.
func TestLongerTransitIsNoJitter(t *testing.T) {
	for _, further := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond} {
		w := newWire(20 * time.Millisecond)
		before := w.run(5 * time.Second)
		w.late = func(time.Duration) time.Duration { return further }
		w.run(30 * time.Second)
		after := w.run(5 * time.Second)
		if d := after.delay() - before.delay(); d.Abs() > 20*time.Millisecond || after.silences > 0 {
			t.Errorf("%v further: the delay changed by %v, %d silent blocks", further, d, after.silences)
		}
		if after.step > noClick {
			t.Errorf("%v further: a click of %d", further, after.step)
		}
	}
}

// TestAnyTimestampsAndLengths: the queue stays within its limit for any timestamps and lengths.
func TestAnyTimestampsAndLengths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, now := newJitterBuffer(), time.Duration(0)
		block, pts := make([]int16, blockLength), time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "packets") {
			now += time.Duration(rapid.Int64Range(0, int64(300*time.Millisecond)).Draw(t, "later"))
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				pts = time.Duration(rapid.Int64Range(-1<<61, 1<<61).Draw(t, "any time"))
			case 1:
				pts += time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Second)).Draw(t, "near"))
			default:
				pts += blockTime
			}
			length := func(name string) []int16 {
				return ramp(0, time.Duration(rapid.IntRange(0, 120).Draw(t, name))*time.Millisecond)
			}
			b.missing(now, pts)
			b.push(now, pts, length("recovered"), length("audio"))
			if l := durationOf(len(b.queue)); l > 200*time.Millisecond {
				t.Fatalf("%v wait", l)
			}
			for range rapid.IntRange(0, 3).Draw(t, "pulls") {
				b.pull(now, block)
				now += blockTime
			}
		}
	})
}

func BenchmarkJitter(b *testing.B) {
	w := newWire(blockTime)
	block, audio := make([]int16, blockLength), ramp(0, blockTime)
	for b.Loop() {
		w.now += blockTime
		w.push(w.now, w.now, nil, audio)
		w.pull(w.now, block)
	}
}
