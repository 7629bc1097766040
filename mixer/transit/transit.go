// Package transit measures the transit floor of a stream: the least transit of its packets within the last one to two
// seconds. The transit of a packet is its arrival time on our clock minus its time on the sender's clock. The floor is used by
// the engine's jitter buffers and lip sync, and by the hub's passthrough.
package transit

import "time"

// window is the shortest time for which a transit counts. The longest is two windows.
const window = time.Second

// Floor keeps the least transit of the last one to two seconds. The two clocks may have any offset, so only differences of
// transits have a meaning. The zero value is ready. Not for concurrent use.
type Floor struct {
	known bool
	least [2]time.Duration // the least transit in the current window, and in the window before
	until time.Duration    // when the current window ends, on the clock of Add
}

// Add adds the transit of a packet. arrived is the arrival time of the packet, since any fixed time that is the same for all
// packets.
func (f *Floor) Add(arrived, transit time.Duration) {
	switch {
	case !f.known:
		*f = Floor{known: true, least: [2]time.Duration{transit, transit}, until: arrived + window}
	case arrived >= f.until:
		f.least = [2]time.Duration{transit, f.least[0]}
		f.until = arrived + window
	}
	f.least[0] = min(f.least[0], transit)
}

// Known reports whether a packet has been added.
func (f *Floor) Known() bool { return f.known }

// Value returns the floor. It is zero before the first packet.
func (f *Floor) Value() time.Duration { return min(f.least[0], f.least[1]) }
