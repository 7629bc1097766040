// Package transit measures the transit floor of a stream: the least transit of its packets within the last one to two
// seconds. The transit of a packet is its arrival time on our clock minus its time on the sender's clock. The engine's
// jitter buffers and lip sync use the floor, and the hub's passthrough.
package transit

import "time"

// window is how long a transit counts at least. It counts for at most two windows.
const window = time.Second

// Floor is the least transit within the last one to two seconds. The two clocks may have any offset, so only
// differences of transits have a meaning. The zero value is ready. Not for concurrent use.
type Floor struct {
	known bool
	least [2]time.Duration // the least transit in this window, and in the one before
	until time.Duration    // when this window ends
}

// Add adds the transit of a packet that came at now. now is a duration since any fixed time, the same for all packets.
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

// Known tells whether any packet was added.
func (f *Floor) Known() bool { return f.known }

// Value returns the floor, zero before the first packet.
func (f *Floor) Value() time.Duration { return min(f.least[0], f.least[1]) }
