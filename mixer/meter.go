package mixer

import (
	"sync"
	"time"
)

// meterWindow is the shortest window over which a Meter computes its rate.
const meterWindow = 2 * time.Second

// Meter measures how many events come in a second, and how many bits. The zero value is ready. Safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	since   time.Time // start of the current window
	n, size int       // events in the current window, and the sum of their sizes in bytes
	rate    Rate      // of the last complete window
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

// Read returns the rate in the last complete window. A window is complete at the first call of Add or Read that comes at
// least meterWindow after its start.
func (m *Meter) Read() Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(time.Now())
	return m.rate
}

// roll completes the current window if the window is at least meterWindow long, and starts a new one. m.mu is held.
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
