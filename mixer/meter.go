package mixer

import (
	"sync"
	"time"
)

// meterWindow is how long a meter looks back at least; it reports once the window is full.
const meterWindow = 2 * time.Second

// Meter turns events with sizes into rates. The zero Meter is ready.
type Meter struct {
	mu      sync.Mutex
	since   time.Time
	n, size int
	rate    Rate
}

// Rate is what a meter saw per second.
type Rate struct {
	PerSecond float64
	Bits      int
}

// Add counts one event of so many bytes.
func (m *Meter) Add(size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(time.Now())
	m.n++
	m.size += size
}

// Read returns the rate of the last full window; zero when nothing came for two of them.
func (m *Meter) Read() Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(time.Now())
	return m.rate
}

// roll closes the window that is full.
func (m *Meter) roll(now time.Time) {
	if m.since.IsZero() {
		m.since = now
		return
	}
	d := now.Sub(m.since)
	if d < meterWindow {
		return
	}
	m.rate = Rate{PerSecond: float64(m.n) / d.Seconds(), Bits: int(float64(m.size*8) / d.Seconds())}
	m.since, m.n, m.size = now, 0, 0
}
