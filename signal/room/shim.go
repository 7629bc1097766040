package room

import (
	"azulejo/codec"
	"azulejo/mixer"
)

// PutLayer is a shim.
func (m *Member) PutLayer(layer int, p codec.Packet) {
	if layer == 0 {
		m.PutVideo(p)
	}
}

// OnDemand is a shim.
func (m *Member) OnDemand(func(mixer.Demand)) {}
