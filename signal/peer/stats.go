package peer

import (
	"azulejo/mixer"
)

// Stats are the counters of one peer since it started. Up is from the client to the server, Down is from the server to the
// client.
type Stats struct {
	UpPackets uint64 `json:"upPackets"` // received RTP packets
	UpUnits   uint64 `json:"upUnits"`   // received access units and audio frames
	UpGarbage uint64 `json:"upGarbage"` // received packets that are unusable

	DownPackets  uint64 `json:"downPackets"`  // sent RTP packets, without retransmissions
	DownBytes    uint64 `json:"downBytes"`    // bytes of these packets, as SRTP
	DownPictures uint64 `json:"downPictures"` // sent video frames
	DownDropped  uint64 `json:"downDropped"`  // access units and audio frames that the queue was too full for, or whose write failed

	Refreshes uint64 `json:"refreshes"` // keyframe requests of the viewer

	// Moves of a viewer with rung "auto" to a smaller and to a larger rung.
	MovedDown uint64 `json:"movedDown"`
	MovedUp   uint64 `json:"movedUp"`
}

// plus returns the sums of the counters of s and o.
func (s Stats) plus(o Stats) Stats {
	return Stats{
		UpPackets: s.UpPackets + o.UpPackets, UpUnits: s.UpUnits + o.UpUnits, UpGarbage: s.UpGarbage + o.UpGarbage,
		DownPackets: s.DownPackets + o.DownPackets, DownBytes: s.DownBytes + o.DownBytes,
		DownPictures: s.DownPictures + o.DownPictures, DownDropped: s.DownDropped + o.DownDropped,
		Refreshes: s.Refreshes + o.Refreshes, MovedDown: s.MovedDown + o.MovedDown, MovedUp: s.MovedUp + o.MovedUp,
	}
}

// EngineStats are the sums of Stats over all peers since the Engine started, and the number of open peers.
type EngineStats struct {
	Peers int `json:"peers"`
	Stats
}

// Stats returns a snapshot of the counters of all peers.
func (e *Engine) Stats() EngineStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	sum := EngineStats{Peers: len(e.peers), Stats: e.past}
	for p := range e.peers {
		sum.Stats = sum.plus(p.Stats())
	}
	return sum
}

func (e *Engine) register(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.peers[p] = struct{}{}
}

func (e *Engine) unregister(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, found := e.peers[p]; found {
		delete(e.peers, p)
		e.past = e.past.plus(p.Stats())
	}
}

// Stats returns a snapshot of the counters.
func (p *Peer) Stats() Stats {
	s := Stats{UpPackets: p.received.packets.Load(), UpUnits: p.received.accessUnits.Load(), UpGarbage: p.received.unusable.Load()}
	if d := p.downstream(); d != nil {
		s.DownPackets, s.DownBytes, s.DownPictures = d.packets.Load(), d.bytes.Load(), d.frames.Load()
		s.DownDropped, s.Refreshes = d.dropped.Load(), d.keyframeRequests.Load()
		s.MovedDown, s.MovedUp = d.selection.movedDown.Load(), d.selection.movedUp.Load()
	}
	return s
}

// Codec returns the video codec that is encoded for this client. It is empty before the negotiation is complete, and for
// clients that receive no video.
func (p *Peer) Codec() mixer.Codec {
	d := p.downstream()
	if d == nil {
		return ""
	}
	if b := d.video.binding(); b != nil {
		return b.codec
	}
	return ""
}

// Rendition describes the video that is sent now. It is false before media flow, and for clients that receive no video.
func (p *Peer) Rendition() (mixer.RenditionStats, bool) {
	d := p.downstream()
	if d == nil {
		return mixer.RenditionStats{}, false
	}
	return d.selection.rendition()
}

// NoVideo reports whether the client receives no video. It is false before the negotiation is complete.
func (p *Peer) NoVideo() bool {
	d := p.downstream()
	return d != nil && d.video == nil
}

// downstream returns the downstream, or nil before the negotiation is complete.
func (p *Peer) downstream() *downstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down
}
