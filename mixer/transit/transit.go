// Package transit measures the least time that the packets of a stream were on their way lately. The engine's jitter
// buffers and the server's passthrough use it.
package transit

import "time"

// window is how long a minimum counts at least; it counts for two windows at most.
const window = time.Second

// Floor is the transit of the packets that waited least, within the last one to two seconds. Transit is the arrival on
// our clock less the time on the sender's: only differences mean anything. The zero value is ready. It belongs to one
// goroutine.
type Floor struct {
	known bool
	least [2]time.Duration // transit in this window and the one before
	until time.Duration    // when this window ends
}

// Add notes the transit of a packet that came at now. Both are durations since the same epoch.
func (f *Floor) Add(now, transit time.Duration) {
	switch {
	case !f.known:
		*f = Floor{known: true, least: [2]time.Duration{transit, transit}, until: now + window}
	case now >= f.until:
		f.least = [2]time.Duration{transit, f.least[0]}
		f.until = now + window
	}
	f.least[0] = min(f.least[0], transit)
}

// Known tells whether a packet has come.
func (f *Floor) Known() bool { return f.known }

// Value is the floor; zero before the first packet.
func (f *Floor) Value() time.Duration { return min(f.least[0], f.least[1]) }
