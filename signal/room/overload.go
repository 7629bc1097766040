package room

import "azulejo/mixer"

// tooBusyFor tells whether overload forbids the join j. A room is overloaded at the level mixer.OverloadJoins. All rooms
// share one machine: while one room is overloaded, no publisher may join any room. A viewer may still join the other
// rooms, because a viewer costs little: the server only sends it packets.
func (r *Room) tooBusyFor(j Joining) bool {
	if j.viewer() {
		return r.overload.Load() >= mixer.OverloadJoins
	}
	return r.registry.overloaded()
}

// overloaded tells whether at least one room is overloaded.
func (reg *Registry) overloaded() bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.anyOverloaded()
}

// anyOverloaded does the same as overloaded, for callers that hold reg.mu.
func (reg *Registry) anyOverloaded() bool {
	for _, r := range reg.rooms {
		if r.overload.Load() >= mixer.OverloadJoins {
			return true
		}
	}
	return false
}
