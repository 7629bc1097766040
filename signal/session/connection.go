package session

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/signal/peer"
)

// backlog is how many candidates of ours wait for the session: far more than a server has addresses.
const backlog = 256

// Options say how a dialect connects its clients.
type Options struct {
	Trickle   bool // Candidates sends ours one by one
	AudioOnly bool // an offer without video is accepted

	// HideVideo and HideAudio withhold the mix from a client whose offer would receive it.
	HideVideo, HideAudio bool
}

// connection is a peer with what belongs to it alone.
type connection struct {
	peer       *peer.Peer
	candidates chan peer.Candidate // ours, from pion's goroutines; nil without Trickle
	flowing    <-chan struct{}     // nil once the session took notice
}

// Connect makes the peer of a member that has none, and returns it. The dialect calls its Answer or Offer next.
func (s *Session) Connect(o Options) *peer.Peer {
	m := s.place.Member
	publish := m.Publish()
	opts := peer.Options{
		Mixer: m.Hub(), Upstream: m, Own: m.Source(), Audio: publish.Audio, Video: publish.Video,
		View: s.viewer.Watching(), OnLayout: s.viewer.OnLayout,
		AudioOnly: o.AudioOnly, HideVideo: o.HideVideo, HideAudio: o.HideAudio,
	}
	c := &connection{}
	if o.Trickle {
		c.candidates = make(chan peer.Candidate, backlog)
		opts.OnCandidate = trickler(c.candidates, s.place.log)
	}
	c.peer = s.server.Engine.NewPeer(opts, s.place.log)
	c.flowing = c.peer.Flowing()
	s.conn = c
	s.viewer.Connect(c.peer)
	s.followMixer()
	return c.peer
}

// trickler queues candidates of ours and never blocks.
func trickler(to chan<- peer.Candidate, log *slog.Logger) func(peer.Candidate) {
	return func(c peer.Candidate) {
		select {
		case to <- c:
		default:
			log.Warn("candidate dropped", "candidate", c.Candidate)
		}
	}
}

// followMixer passes on what the mixer wants from the client: keyframes, and video of another size.
func (s *Session) followMixer() {
	p, viewer := s.conn.peer, s.viewer
	s.place.OnKeyframeRequest(p.RequestKeyframe)
	s.place.OnDemand(func(d mixer.Demand) {
		p.Demand(d)
		viewer.OnDemand(d)
	})
}

// Disconnect closes the peer, if there is one; the client remains a member.
func (s *Session) Disconnect() {
	if s.conn == nil {
		return
	}
	if err := s.conn.peer.Close(); err != nil {
		s.place.log.Warn("peer did not close well", "error", err)
	}
	s.conn = nil
}

// Peer is the client's connection; nil while it has none. A nil Session has none.
func (s *Session) Peer() *peer.Peer {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.peer
}

// Started sends the rendition that the client receives. The session calls it when Flowing is ready, which it is once.
func (s *Session) Started() {
	s.conn.flowing = nil
	s.viewer.SendRendition()
}

// The channels below are nil, and never ready, while there is nothing to wait for. A nil Session has none.

// PeerDone is closed when the connection is over.
func (s *Session) PeerDone() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.peer.Done()
}

// Candidates are those of the server, for a dialect that sends them one by one.
func (s *Session) Candidates() <-chan peer.Candidate {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.candidates
}

// Flowing is ready when media begin to flow.
func (s *Session) Flowing() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.flowing
}
