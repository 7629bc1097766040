package room

import "azulejo/mixer"

// strained tells whether j is more than can be done. All rooms share one machine: where it is too slow for one of them
// nobody publishes in the others besides; who only views may, for a viewer costs packets.
func (r *Room) strained(j Joining) bool {
	if j.viewer() {
		return r.overload.Load() >= mixer.OverloadJoins
	}
	return r.registry.strained()
}

// strained tells whether one of the rooms is more than the machine can do.
func (h *Registry) strained() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.anyFull()
}

// anyFull is strained for who holds h.mu.
func (h *Registry) anyFull() bool {
	for _, r := range h.rooms {
		if r.overload.Load() >= mixer.OverloadJoins {
			return true
		}
	}
	return false
}
