package stomp

import (
	"cmp"
	"context"
	"slices"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Candidates of a client that come before its offer are kept: Flutter's finds them while it writes that.
const (
	maxEarly     = 64
	maxCandidate = 2 << 10 // bytes of a message with one, which has some 200
)

// mixing is what a client has in a room that mixes: there the server is the only other client. It is a member from the
// first offer on, either side's.
type mixing struct {
	s      *session
	id     identity
	key    string // what the server calls itself
	member *room.Member
	link   *link // nil before the first offer

	overload int // of the room, as known last

	early []peer.Candidate // of the client, before the offer they belong to
	wait  <-chan time.Time // when the client is called, if it says nothing; nil: never
}

// link is one peer connection with what belongs to it alone.
type link struct {
	peer       *peer.Peer
	picture    *picture
	candidates chan peer.Candidate // ours, from pion's goroutines
	theirs     bool                // the client offered, in the session (o=) below
	session    uint64
	ours       bool // our offer waits for the answer
}

// beginMixing asks whether the client may see the room; whether it may send, its offer asks.
func (s *session) beginMixing(who identity) (*mixing, error) {
	if _, err := s.h.guard.Admit(auth.Ask{Token: s.token, Room: who.room, Grants: []auth.Grant{auth.View}, Remote: s.remote}); err != nil {
		return nil, err
	}
	return &mixing{s: s, id: who, key: s.h.mixerKey(who.room)}, nil
}

// subscribed looks at what a subscription changes: an answer that nobody listened for may go out now. Who can be called
// has some time to call first.
func (m *mixing) subscribed(sub subscription) error {
	if m.link == nil && m.hears(topicOffer) {
		m.callLater()
	}
	if err := m.catchUp(sub); err != nil {
		return err
	}
	return m.answerCall()
}

// callLater gives who has asked who is there, and so means to offer by itself, twice the time.
func (m *mixing) callLater() {
	after := m.s.h.cfg.CallAfter
	if m.s.asked {
		after *= 2
	}
	m.wait = time.After(after)
}

func (m *mixing) hears(t topic) bool {
	return slices.ContainsFunc(m.s.subs, func(sub subscription) bool { return sub.to == m.topic(t) })
}

// topic is one of the client's own.
func (m *mixing) topic(t topic) destination { return destination{t, m.id.key, m.id.room} }

// take handles a SEND.
func (m *mixing) take(ctx context.Context, d destination, f *frame) error {
	if d.personal() && d.room != m.id.room {
		return refusal.New(codeUnexpected, "SEND to key %q in room %q; accepted is the key that answers call/key: %q in room %s", clip(d.key), clip(d.room), m.key, m.id.room)
	}
	if d.personal() && d.key != m.key { // that of a server that was started again since
		m.s.log.Debug("message for a key that is gone ignored", "key", clip(d.key))
		return nil
	}
	switch d.topic {
	case topicCall:
		m.s.asked, m.s.answered = true, false
		if m.link == nil && m.wait != nil {
			m.callLater()
		}
		return m.answerCall()
	case topicOffer:
		return m.takeOffer(ctx, f.body)
	case topicAnswer:
		return m.takeAnswer(ctx, f.body)
	case topicCandidate:
		return m.takeCandidate(f.body)
	}
	return nil // its key is nobody else's business here
}

// answerCall tells who is there: the server.
func (m *mixing) answerCall() error {
	if !m.s.asked || m.s.answered {
		return nil
	}
	n, err := m.s.deliver(destination{topic: topicKey}, message{body: asJSON(m.key)}, false)
	m.s.answered = n > 0
	return err
}

// takeOffer answers with the mix. A new connection of the client takes the place of the one before, and of an offer of
// ours that crossed its own.
func (m *mixing) takeOffer(ctx context.Context, body string) error {
	msg, err := parseDescription(body, "offer")
	switch {
	case err != nil:
		return err
	case msg.Key != m.id.key:
		return refusal.New(codeBadMessage, "offer: key is %q; accepted is one's own: %q", clip(msg.Key), clip(m.id.key))
	case !m.hears(topicAnswer):
		return refusal.New(codeUnexpected, "an offer before a subscription to %s; accepted after it", m.topic(topicAnswer))
	}
	offered, err := peer.Inspect(msg.Body.SDP)
	if err != nil {
		return err
	}
	session := origin(msg.Body.SDP)
	m.wait = nil
	if m.link != nil && m.link.theirs && m.link.session == session {
		return m.restart(msg.Body.SDP)
	}
	m.unlink()
	if err = m.join(ctx, m.id.key, offered); err != nil {
		return err
	}
	m.dial()
	m.link.theirs, m.link.session = true, session
	answer, err := m.link.peer.Answer(msg.Body.SDP)
	if err != nil {
		return err
	}
	m.addEarly()
	return m.tell(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// restart answers an ICE restart; that the candidates come once more, one by one, does no harm.
func (m *mixing) restart(offer string) error {
	answer, err := m.link.peer.Restart(offer)
	if err != nil {
		return err
	}
	return m.tell(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// call offers the mix to a client that only waits. Until its answer says what it sends it is a viewer without a key, so
// that the place its key may have is kept.
func (m *mixing) call(ctx context.Context) error {
	m.wait = nil
	if m.link != nil || !m.hears(topicOffer) {
		return nil
	}
	if err := m.join(ctx, "", peer.Offered{}); err != nil {
		return err
	}
	m.dial()
	m.link.ours = true
	offer, err := m.link.peer.Offer()
	if err != nil {
		return err
	}
	return m.tell(topicOffer, descriptionMessage{Key: m.key, Body: description{"offer", offer}, ICEServers: m.s.iceServers()})
}

// takeAnswer ends what call began. One to an offer that was crossed by the client's own is late and means nothing.
func (m *mixing) takeAnswer(ctx context.Context, body string) error {
	msg, err := parseDescription(body, "answer")
	if err != nil {
		return err
	}
	if m.link == nil || !m.link.ours {
		m.s.log.Debug("late answer ignored")
		return nil
	}
	answered, err := peer.Inspect(msg.Body.SDP)
	if err != nil {
		return err
	}
	if err := m.join(ctx, m.id.key, answered); err != nil {
		return err
	}
	m.link.peer.Publish(m.member, m.member.Source(), answered.Audio.Sends, answered.Video.Sends)
	m.listen(m.link.peer)
	m.link.ours = false
	return m.link.peer.Accept(msg.Body.SDP)
}

// takeCandidate never ends the session: one of many that is of no use is no reason.
func (m *mixing) takeCandidate(body string) error {
	msg, err := parseCandidate(body)
	switch {
	case err != nil:
		return err
	case msg.Body == nil || len(body) > maxCandidate:
		return nil
	case m.link == nil:
		if len(m.early) < maxEarly {
			m.early = append(m.early, *msg.Body)
		}
		return nil
	}
	m.add(*msg.Body)
	return nil
}

func (m *mixing) add(c peer.Candidate) {
	if err := m.link.peer.AddCandidate(c); err != nil {
		m.s.log.Debug("candidate ignored", "error", err)
	}
}

func (m *mixing) addEarly() {
	for _, c := range m.early {
		m.add(c)
	}
	m.early = nil
}

// join makes the client a member that sends what it says, in the place that the key has or had.
func (m *mixing) join(ctx context.Context, key string, offered peer.Offered) error {
	media := sent(offered)
	grants := []auth.Grant{auth.View}
	if media != (room.Media{}) {
		grants = append(grants, auth.Publish)
	}
	permit, err := m.s.h.guard.Admit(auth.Ask{Token: m.s.token, Room: m.id.room, Grants: grants, Remote: m.s.remote, Join: true})
	if err != nil {
		return err
	}
	name, err := permit.Named(m.s.name)
	if err != nil {
		return err
	}
	name = cmp.Or(name, m.s.displayName())
	member, err := m.s.h.registry.Join(ctx, m.id.room, room.Joining{Name: name, Key: key, Kind: room.Peer, Publish: media, Layers: offered.Layers})
	if err != nil {
		return err
	}
	if m.member != nil {
		m.member.Leave() // its place is the new one's, or gone
	}
	m.member = member
	return m.event(room.Event{Overload: member.Mixer().Overload()})
}

// dial makes the connection.
func (m *mixing) dial() {
	publish, shown := m.member.Publish(), m.newPicture()
	candidates := make(chan peer.Candidate, backlog)
	log := m.s.log.With("id", m.member.ID())
	p := m.s.h.engine.NewPeer(peer.Options{
		Mixer: m.member.Mixer(), Upstream: m.member, Own: m.member.Source(), Audio: publish.Audio, Video: publish.Video,
		SoundAlone: true, View: shown.Watching(), OnLayout: shown.PutLayout,
		OnCandidate: func(c peer.Candidate) {
			select {
			case candidates <- c:
			default: // a server has far fewer addresses than there is room for
				log.Warn("candidate dropped", "candidate", c.Candidate)
			}
		},
	}, log)
	shown.Connect(p)
	m.listen(p)
	m.link = &link{peer: p, picture: shown, candidates: candidates}
}

// listen lets the connection hear what the mixer makes of the client's picture.
func (m *mixing) listen(p *peer.Peer) {
	m.member.OnRefresh(p.RequestKeyframe)
	m.member.OnDemand(p.Demand)
}

func (m *mixing) tell(t topic, body any) error {
	_, err := m.s.deliver(m.topic(t), message{body: asJSON(body)}, false)
	return err
}

// tellCandidate is called after the description it belongs to was sent: the loop does one thing after the other.
func (m *mixing) tellCandidate(c peer.Candidate) error {
	return m.tell(topicCandidate, candidateMessage{Key: m.key, Body: &c})
}

// hangUp follows the end of the connection. Whoever closed it may offer again; who lost it may not know, and is called.
// The place is kept for a while.
func (m *mixing) hangUp() {
	err := m.link.peer.Err()
	m.close(false)
	if err == nil {
		return
	}
	m.s.log.Info("connection lost", "error", err)
	m.wait = time.After(m.s.h.cfg.CallAfter / 2)
}

// close ends the connection first, then the membership.
func (m *mixing) close(leaves bool) {
	m.unlink()
	switch {
	case m.member == nil:
	case leaves:
		m.member.Leave()
	default:
		m.member.Lose()
	}
	m.member = nil
}

func (m *mixing) unlink() {
	if m.link == nil {
		return
	}
	if err := m.link.peer.Close(); err != nil {
		m.s.log.Warn("peer did not close well", "error", err)
	}
	m.link = nil
}

// The channels below are nil, and never ready, while there is nothing to wait for; m may be nil.

func (m *mixing) trickled() <-chan peer.Candidate {
	if m == nil || m.link == nil {
		return nil
	}
	return m.link.candidates
}

func (m *mixing) peerDone() <-chan struct{} {
	if m == nil || m.link == nil {
		return nil
	}
	return m.link.peer.Done()
}

func (m *mixing) waited() <-chan time.Time {
	if m == nil {
		return nil
	}
	return m.wait
}
