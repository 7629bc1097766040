package room

import "azulejo/mixer"

// OnDemand is a shim.
func (m *Member) OnDemand(func(mixer.Demand)) {}

// Lose is a shim.
func (m *Member) Lose() { m.Leave() }
