package pcm

import "time"

// Parameters of a Limiter.
const (
	Ceiling = 29204                // highest magnitude of a Limiter's output: -1 dBFS, because a lossy codec may overshoot
	Delay   = 5 * time.Millisecond // time by which a Limiter's output lags its input

	ahead   = int(Delay * Rate / time.Second) // look-ahead in frames
	window  = ahead + 1                       // frames for which the gain of a peak is held, and over which gains are averaged
	release = Rate * 150 / 1000               // time constant of the release in frames: 150 ms
	one     = 1 << 30                         // a gain of 1 in Q30
)

// Limiter converts a 32-bit mix to 16 bits without clipping. It delays the audio by Delay, to see peaks in advance. A peak
// needs a certain gain. The limiter holds this gain for window frames, and applies the average of the gains of the last
// window frames. So the applied gain falls in a straight ramp that ends at the peak. Afterwards the gain rises with a time
// constant of 150 ms. No sample exceeds Ceiling. Audio that stays below Ceiling is delayed and otherwise unchanged, bit for
// bit. Both channels get the same gain. All arithmetic is in integers, so no rounding error adds up over months. Not for
// concurrent use.
type Limiter struct {
	delay       [ahead][Channels]int32 // the frames of the look-ahead
	gains       [window]int64          // the last gains, after hold and release; their average is applied to the audio
	total       int64                  // sum of gains
	env         int64                  // the newest of gains
	oldestFrame int                    // index of the oldest frame in delay
	oldestGain  int                    // index of the oldest of gains
	lowest      minimum                // the smallest gain that the last window frames need
}

// NewLimiter returns a limiter. The first Delay of its output is silent.
func NewLimiter() *Limiter {
	l := &Limiter{env: one, total: int64(window) * one}
	for i := range l.gains {
		l.gains[i] = one
	}
	return l
}

// Process limits the frames of sum and writes them to out, up to the shorter of the two slices. It does not change sum.
// Blocks may have any size, and their outputs join without a click.
func (l *Limiter) Process(out []int16, sum []int32) {
	n := min(len(out), len(sum)) &^ 1
	out, sum = out[:n], sum[:n]
	for i := 0; i < n; i += Channels {
		left, right := sum[i], sum[i+1]
		g := l.gain(needed(max(magnitude(left), magnitude(right))))
		old := &l.delay[l.oldestFrame]
		out[i], out[i+1] = apply(old[0], g), apply(old[1], g)
		old[0], old[1] = left, right
		if l.oldestFrame++; l.oldestFrame == ahead {
			l.oldestFrame = 0
		}
	}
}

// gain returns the gain to apply to the oldest frame of the look-ahead. need is the gain that the newest frame needs.
func (l *Limiter) gain(need int64) int64 {
	if need == one && l.env == one && l.lowest.empty() && l.total == int64(window)*one {
		return one
	}
	held := l.lowest.push(need)
	if held > l.env {
		l.env = min(held, l.env+(held-l.env)/int64(release)+1)
	} else {
		l.env = held
	}
	l.total += l.env - l.gains[l.oldestGain]
	l.gains[l.oldestGain] = l.env
	if l.oldestGain++; l.oldestGain == window {
		l.oldestGain = 0
	}
	return l.total / int64(window)
}

// needed returns the gain that brings a sample of magnitude peak down to Ceiling.
func needed(peak int64) int64 {
	if peak <= Ceiling {
		return one
	}
	return Ceiling * one / peak
}

func magnitude(v int32) int64 { return max(int64(v), -int64(v)) }

// apply returns v multiplied by gain, rounded.
func apply(v int32, gain int64) int16 { return int16((int64(v)*gain + one/2) >> 30) }

// minimum finds the smallest of the last window gains. It is a ring buffer of gains that rise from the head on. Gains of 1
// are not stored, nor are gains that a later and smaller gain has made irrelevant.
type minimum struct {
	value [window]int64
	until [window]uint64 // number of the frame at which the gain expires
	head  int            // index of the oldest and smallest gain
	count int            // number of gains in the buffer
	frame uint64         // number of the newest frame
}

func (m *minimum) empty() bool { return m.count == 0 }

// push adds a gain and returns the smallest of the last window gains.
func (m *minimum) push(v int64) int64 {
	m.frame++
	if m.count > 0 && m.until[m.head] <= m.frame {
		m.head, m.count = (m.head+1)%window, m.count-1
	}
	if v < one {
		for m.count > 0 && m.value[(m.head+m.count-1)%window] >= v {
			m.count--
		}
		tail := (m.head + m.count) % window
		m.value[tail], m.until[tail] = v, m.frame+uint64(window)
		m.count++
	}
	if m.count == 0 {
		return one
	}
	return m.value[m.head]
}
