package pcm

import "time"

// Parameters of a Limiter.
const (
	Ceiling = 29204                // highest magnitude of its output: -1 dBFS, which leaves room for a lossy codec to overshoot
	Delay   = 5 * time.Millisecond // by which its output lags its input

	ahead   = int(Delay * Rate / time.Second) // look-ahead in frames
	window  = ahead + 1                       // frames for which a peak holds the gain down, and over which gains are averaged
	release = Rate * 150 / 1000               // time constant in frames: 150 ms
	one     = 1 << 30                         // unity gain, Q30
)

// Limiter converts a 32-bit mix to 16 bits without clipping. It looks ahead by Delay. The gain that a peak needs is held
// for the look-ahead and averaged over the same time, which is a straight ramp down that ends at the peak. It is released
// with a time constant of 150 ms. So no sample exceeds Ceiling, and audio below it is only delayed, bit for bit. Both
// channels have the same gain. All arithmetic is in integers: nothing drifts over months. Not for concurrent use.
type Limiter struct {
	delay [ahead][Channels]int32
	gains [window]int64 // the newest gains after release; their average is applied
	total int64         // sum of gains
	env   int64         // the newest of gains
	at    int           // of the oldest frame in delay
	slot  int           // of the oldest gain in gains
	low   minimum
}

// NewLimiter returns a limiter. Its output is silent for the first Delay.
func NewLimiter() *Limiter {
	l := &Limiter{env: one, total: int64(window) * one}
	for i := range l.gains {
		l.gains[i] = one
	}
	return l
}

// Process limits the frames of sum and writes them to out, up to the shorter of the two. sum is only read. Blocks may
// have any size, and join without a seam.
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

// gain takes the gain that the newest frame needs, and returns the gain of the oldest frame in the look-ahead.
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

// minimum finds the smallest of the last window gains. It is a queue of rising values, each with the frame at which it
// expires. Gains of one are not stored.
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
