package peer

import (
	"azulejo/mixer"
)

// Stats count what one peer received and sent since it began.
type Stats struct {
	UpPackets uint64 `json:"upPackets"`
	UpUnits   uint64 `json:"upUnits"`   // access units given to the mixer
	UpGarbage uint64 `json:"upGarbage"` // packets that could not be read

	DownPackets  uint64 `json:"downPackets"`
	DownBytes    uint64 `json:"downBytes"`
	DownPictures uint64 `json:"downPictures"`
	DownDropped  uint64 `json:"downDropped"` // access units that did not fit the queue or the network

	Refreshes uint64 `json:"refreshes"` // key pictures the viewer asked for

	// Moves of viewers that leave the rung to us, to a smaller and to a larger one, as their networks carry it.
	MovedDown uint64 `json:"movedDown"`
	MovedUp   uint64 `json:"movedUp"`
}

func (s Stats) plus(o Stats) Stats {
	return Stats{
		UpPackets: s.UpPackets + o.UpPackets, UpUnits: s.UpUnits + o.UpUnits, UpGarbage: s.UpGarbage + o.UpGarbage,
		DownPackets: s.DownPackets + o.DownPackets, DownBytes: s.DownBytes + o.DownBytes,
		DownPictures: s.DownPictures + o.DownPictures, DownDropped: s.DownDropped + o.DownDropped,
		Refreshes: s.Refreshes + o.Refreshes, MovedDown: s.MovedDown + o.MovedDown, MovedUp: s.MovedUp + o.MovedUp,
	}
}

// EngineStats are the sums over all peers there ever were, and how many there are.
type EngineStats struct {
	Peers int `json:"peers"`
	Stats
}

// Stats is a snapshot.
func (e *Engine) Stats() EngineStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	sum := EngineStats{Peers: len(e.peers), Stats: e.past}
	for p := range e.peers {
		sum.Stats = sum.plus(p.Stats())
	}
	return sum
}

func (e *Engine) add(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.peers[p] = struct{}{}
}

func (e *Engine) drop(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, here := e.peers[p]; here {
		delete(e.peers, p)
		e.past = e.past.plus(p.Stats())
	}
}

// Stats is a snapshot.
func (p *Peer) Stats() Stats {
	s := Stats{UpPackets: p.up.packets.Load(), UpUnits: p.up.units.Load(), UpGarbage: p.up.garbage.Load()}
	if d := p.downlink(); d != nil {
		s.DownPackets, s.DownBytes, s.DownPictures = d.packets.Load(), d.bytes.Load(), d.pictures.Load()
		s.DownDropped, s.Refreshes = d.dropped.Load(), d.refreshes.Load()
		s.MovedDown, s.MovedUp = d.viewing.down.Load(), d.viewing.up.Load()
	}
	return s
}

// Codec is the picture format this peer is sent, empty while it is unknown and for those who
// only publish.
func (p *Peer) Codec() mixer.Codec {
	d := p.downlink()
	if d == nil {
		return ""
	}
	if b := d.binding(d.video); b != nil {
		return b.id
	}
	return ""
}

// Rendition describes the picture that is sent now; false before media flow, and for those who take no picture.
func (p *Peer) Rendition() (mixer.RenditionStats, bool) {
	d := p.downlink()
	if d == nil {
		return mixer.RenditionStats{}, false
	}
	return d.viewing.rendition()
}

// NoPicture tells that the client's offer takes no picture; false before a good offer.
func (p *Peer) NoPicture() bool {
	d := p.downlink()
	return d != nil && d.video == nil
}

func (p *Peer) downlink() *downlink {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down
}
