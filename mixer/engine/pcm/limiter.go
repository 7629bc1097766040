package pcm

import "time"

// What a Limiter does to the sound.
const (
	Ceiling = 29204                // highest magnitude it lets out: -1 dBFS, room for a lossy codec to overshoot
	Delay   = 5 * time.Millisecond // by which its output lags its input

	ahead   = int(Delay * Rate / time.Second) // look-ahead in frames
	window  = ahead + 1                       // frames a peak holds the gain down, and of the average
	release = Rate * 150 / 1000               // time constant in frames: 150 ms
	one     = 1 << 30                         // unity gain, Q30
)

// Limiter brings a 32-bit mix into 16 bits without clipping. It sees Delay ahead: the gain that a
// peak needs is held for the look-ahead, averaged over the same time (a straight ramp down that ends
// at the peak), and released with a time constant of 150 ms. So no sample ever exceeds Ceiling, and
// sound below it is only delayed, bit for bit. Both channels share one gain. All arithmetic is in
// integers: nothing drifts over months. Not for concurrent use.
type Limiter struct {
	delay [ahead][Channels]int32
	gains [window]int64 // released gains, whose average is applied
	total int64         // of gains
	env   int64         // newest of gains
	at    int           // in delay
	slot  int           // in gains
	low   minimum
}

// NewLimiter returns a limiter that is silent for its first Delay.
func NewLimiter() *Limiter {
	l := &Limiter{env: one, total: int64(window) * one}
	for i := range l.gains {
		l.gains[i] = one
	}
	return l
}

// Process limits the frames of sum into out, as far as both reach; sum stays as it is. Blocks may be
// of any size and follow one another without a seam.
func (l *Limiter) Process(out []int16, sum []int32) {
	n := min(len(out), len(sum)) &^ 1
	out, sum = out[:n], sum[:n]
	for i := 0; i < n; i += Channels {
		left, right := sum[i], sum[i+1]
		g := l.gain(needed(max(magnitude(left), magnitude(right))))
		old := &l.delay[l.at]
		out[i], out[i+1] = apply(old[0], g), apply(old[1], g)
		old[0], old[1] = left, right
		if l.at++; l.at == ahead {
			l.at = 0
		}
	}
}

// gain takes what the newest frame needs and returns what the oldest in the look-ahead gets.
func (l *Limiter) gain(need int64) int64 {
	if need == one && l.env == one && l.low.empty() && l.total == int64(window)*one {
		return one
	}
	held := l.low.push(need)
	if held > l.env {
		l.env = min(held, l.env+(held-l.env)/int64(release)+1)
	} else {
		l.env = held
	}
	l.total += l.env - l.gains[l.slot]
	l.gains[l.slot] = l.env
	if l.slot++; l.slot == window {
		l.slot = 0
	}
	return l.total / int64(window)
}

func needed(peak int64) int64 {
	if peak <= Ceiling {
		return one
	}
	return Ceiling * one / peak
}

func magnitude(v int32) int64 { return max(int64(v), -int64(v)) }

func apply(v int32, gain int64) int16 { return int16((int64(v)*gain + one/2) >> 30) }

// minimum is the smallest of the last window gains, where gains of one need no place: a queue whose
// values rise, each with the frames it still has to live.
type minimum struct {
	value [window]int64
	until [window]uint64
	head  int
	count int
	now   uint64
}

func (m *minimum) empty() bool { return m.count == 0 }

func (m *minimum) push(v int64) int64 {
	m.now++
	if m.count > 0 && m.until[m.head] <= m.now {
		m.head, m.count = (m.head+1)%window, m.count-1
	}
	if v < one {
		for m.count > 0 && m.value[(m.head+m.count-1)%window] >= v {
			m.count--
		}
		tail := (m.head + m.count) % window
		m.value[tail], m.until[tail] = v, m.now+uint64(window)
		m.count++
	}
	if m.count == 0 {
		return one
	}
	return m.value[m.head]
}
