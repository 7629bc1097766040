package session

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/signal/peer"
)

// backlog is how many candidates of the server can wait for the goroutine of the session. A server has far fewer
// addresses.
const backlog = 256

// Options say how a dialect connects its clients.
type Options struct {
	Trickle   bool // the candidates of the server come one by one, from Candidates
	AudioOnly bool // an offer without video is accepted

	// HideVideo and HideAudio withhold the video or the audio of the mix, also if the client's offer would receive it.
	HideVideo, HideAudio bool
}

// connection is a peer, and the channels that are received from while this peer exists.
type connection struct {
	peer       *peer.Peer
	candidates chan peer.Candidate // of the server, sent by pion's goroutines; nil without Trickle
	flowing    <-chan struct{}     // nil after Started
}

// Connect makes and returns the peer of the client, which must be a member that has no peer. The dialect must call
// Answer or Offer of the peer next.
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

// trickler returns a callback that queues candidates of the server. The callback never blocks: if the queue is full, it
// drops the candidate.
func trickler(queue chan<- peer.Candidate, log *slog.Logger) func(peer.Candidate) {
	return func(c peer.Candidate) {
		select {
		case queue <- c:
		default:
			log.Warn("candidate dropped", "candidate", c.Candidate)
		}
	}
}

// followMixer makes the peer pass on to the client what the mixer requests: keyframes, and video of another size.
func (s *Session) followMixer() {
	p, viewer := s.conn.peer, s.viewer
	s.place.OnKeyframeRequest(p.RequestKeyframe)
	s.place.OnDemand(func(d mixer.Demand) {
		p.Demand(d)
		viewer.OnDemand(d)
	})
}

// Disconnect closes the peer, if there is one. The client remains a member.
func (s *Session) Disconnect() {
	if s.conn == nil {
		return
	}
	if err := s.conn.peer.Close(); err != nil {
		s.place.log.Warn("peer did not close well", "error", err)
	}
	s.conn = nil
}

// Peer returns the peer connection of the client, or nil if it has none. A nil Session has none.
func (s *Session) Peer() *peer.Peer {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.peer
}

// Started sends the message about the rendition that the client receives. The dialect must call it when Flowing is
// ready. Afterwards Flowing of this peer is never ready again.
func (s *Session) Started() {
	s.conn.flowing = nil
	s.viewer.SendRendition()
}

// The methods below return a nil channel, which is never ready, if the client has no peer. A nil Session has none.

// PeerDone returns a channel that is closed when the peer connection is over.
func (s *Session) PeerDone() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.peer.Done()
}

// Candidates returns the channel of the server's candidates, for a dialect that sends them one by one.
func (s *Session) Candidates() <-chan peer.Candidate {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.candidates
}

// Flowing returns a channel that is ready when the client is connected and media begin to flow.
func (s *Session) Flowing() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.flowing
}
