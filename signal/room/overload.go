package room

import "azulejo/mixer"

// overloaded tells whether j has to be refused. All rooms share one machine: while one room is overloaded, no publisher
// may join any room. A viewer may join the other rooms, since it costs packets only.
func (r *Room) overloaded(j Joining) bool {
	if j.viewer() {
		return r.overload.Load() >= mixer.OverloadJoins
	}
	return r.registry.overloaded()
}

// overloaded tells whether one of the rooms is overloaded.
func (reg *Registry) overloaded() bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.anyOverloaded()
}

// anyOverloaded is overloaded with reg.mu held.
func (reg *Registry) anyOverloaded() bool {
	for _, r := range reg.rooms {
		if r.overload.Load() >= mixer.OverloadJoins {
			return true
		}
	}
	return false
}
