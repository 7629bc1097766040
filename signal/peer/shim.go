package peer

import "azulejo/mixer"

// Change is a shim.
func (p *Peer) Change(mixer.Watching) error { return nil }

// Rendition is a shim.
func (p *Peer) Rendition() (mixer.RenditionStats, bool) {
	for _, r := range p.opts.Mixer.Stats().Renditions {
		if p.Codec() != "" && r.Codec == p.Codec() {
			return r, true
		}
	}
	return mixer.RenditionStats{}, false
}

// Demand is a shim.
func (p *Peer) Demand(mixer.Demand) {}
