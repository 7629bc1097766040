package mixer

import (
	"sync"
	"time"
)

// meterWindow is the shortest time over which a rate is measured.
const meterWindow = 2 * time.Second

// Meter measures the rate of events and of their sizes. The zero value is ready. Safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	since   time.Time
	n, size int
	rate    Rate
}

// Rate is a result of a Meter.
type Rate struct {
	PerSecond float64 // events a second
	Bits      int     // bits a second
}

// Add counts one event of size bytes.
func (m *Meter) Add(size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(time.Now())
	m.n++
	m.size += size
}

// Read returns the rate of the last window that is over. The rate is zero if no event came for two windows.
func (m *Meter) Read() Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(time.Now())
	return m.rate
}

// roll computes the rate and starts a new window if the current one is at least meterWindow long. m.mu is held.
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
