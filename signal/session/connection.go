package session

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/signal/peer"
)

// backlog is the length of the queue of the server's candidates. A server has far fewer addresses.
const backlog = 256

// Options are the options of a client's peer connection.
type Options struct {
	Trickle   bool // Session.Candidates delivers the candidates of the server, one by one
	AudioOnly bool // an offer without video is accepted

	// HideVideo and HideAudio withhold the video or the audio of the mix, even if the client's offer can receive it.
	HideVideo, HideAudio bool
}

// connection is the peer of a client, with its channels.
type connection struct {
	peer       *peer.Peer
	candidates chan peer.Candidate // of the server; pion's goroutines send to it; nil without Trickle
	flowing    <-chan struct{}     // nil after Started
}

// Connect makes the peer of the client. The client must be in a room and must have no peer. The dialect must next call
// Answer or Offer of the returned peer.
func (s *Session) Connect(o Options) *peer.Peer {
	m := s.membership.Member
	publish := m.Publish()
	opts := peer.Options{
		Mixer: m.Hub(), Upstream: m, Own: m.Source(), Audio: publish.Audio, Video: publish.Video,
		View: s.viewer.Watching(), OnLayout: s.viewer.OnLayout,
		AudioOnly: o.AudioOnly, HideVideo: o.HideVideo, HideAudio: o.HideAudio,
	}
	c := &connection{}
	if o.Trickle {
		c.candidates = make(chan peer.Candidate, backlog)
		opts.OnCandidate = queueCandidates(c.candidates, s.membership.log)
	}
	c.peer = s.server.Engine.NewPeer(opts, s.membership.log)
	c.flowing = c.peer.Flowing()
	s.conn = c
	s.viewer.Connect(c.peer)
	s.followMixer()
	return c.peer
}

// queueCandidates returns a callback that adds candidates of the server to a queue. The callback never blocks. If the
// queue is full, it drops the candidate.
func queueCandidates(queue chan<- peer.Candidate, log *slog.Logger) func(peer.Candidate) {
	return func(c peer.Candidate) {
		select {
		case queue <- c:
		default:
			log.Warn("candidate dropped", "candidate", c.Candidate)
		}
	}
}

// followMixer passes the mixer's requests on. The peer gets the keyframe requests. The peer and the viewer get the demand
// for the client's video.
func (s *Session) followMixer() {
	p, viewer := s.conn.peer, s.viewer
	s.membership.OnKeyframeRequest(p.RequestKeyframe)
	s.membership.OnDemand(func(d mixer.Demand) {
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
		s.membership.log.Warn("peer did not close well", "error", err)
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

// Started sends the message rendition, which describes the video that the client receives. The dialect must call Started
// when Flowing is ready. For this peer Flowing is never ready again afterwards.
func (s *Session) Started() {
	s.conn.flowing = nil
	s.viewer.SendRendition()
}

// The methods below return a nil channel, which is never ready, if the client has no peer or the Session is nil.

// PeerDone returns a channel that is closed when the peer connection is over.
func (s *Session) PeerDone() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.peer.Done()
}

// Candidates returns the channel of the server's candidates. It is nil without Options.Trickle.
func (s *Session) Candidates() <-chan peer.Candidate {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.candidates
}

// Flowing returns a channel that becomes ready when the client is connected and subscribed to its view.
func (s *Session) Flowing() <-chan struct{} {
	if s == nil || s.conn == nil {
		return nil
	}
	return s.conn.flowing
}
