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
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// Limits of early candidates. A client sends these before its offer, and the server stores them until the offer arrives.
// Flutter clients send early candidates, because they gather candidates before they send the offer.
const (
	maxEarly     = 64
	maxCandidate = 2 << 10 // the size of a message with a candidate, in bytes; usually about 200
)

// mixing is the state of a client in a room that mixes. The server acts as the only other client of this room. The client
// becomes a member of the room with the first offer, by the client or by the server.
type mixing struct {
	c       *client
	id      identity
	key     string // the server's key, see Handler.mixerKey
	session *session.Session

	offered  offered          // the offer of the present peer connection
	layout   any              // the newest layout message of the present peer connection; nil: none yet
	overload viewing.Overload // the newest overload message

	early   []peer.Candidate // the client's candidates that arrived before its offer
	offerAt <-chan time.Time // fires when the server has to make an offer; nil: no offer is due
}

// offered describes the offer that started a peer connection.
type offered struct {
	byClient bool
	originID uint64 // of the client's offer; zero for an offer of the server
	pending  bool   // the server has made the offer, and the client has not answered yet
}

// newMixing makes the state of a client, if the guard allows the client to watch the room. The guard decides about publishing
// in join, when the client's media are known.
func (c *client) newMixing(id identity) (*mixing, error) {
	_, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Room: id.room, Grants: []auth.Grant{auth.View}, Remote: c.remote})
	if err != nil {
		return nil, err
	}
	m := &mixing{c: c, id: id, key: c.h.mixerKey(id.room)}
	m.session = session.New(c.h.server, c.log, m.notify)
	return m, nil
}

// subscribed handles a new subscription. It sends the messages that the new subscription must get. If the client waits for
// offers and has no peer connection, subscribed schedules an offer of the server.
func (m *mixing) subscribed(sub subscription) error {
	if m.session.Peer() == nil && m.subscribedTo(topicOffer) {
		m.scheduleOffer()
	}
	if err := m.catchUp(sub); err != nil {
		return err
	}
	return m.sendKey()
}

// scheduleOffer schedules the server's offer. The server waits twice as long for a client that has sent call/key, because such
// a client usually makes an offer itself.
func (m *mixing) scheduleOffer() {
	after := m.c.h.cfg.CallAfter
	if m.c.called {
		after *= 2
	}
	m.offerAt = time.After(after)
}

// subscribedTo tells whether the client has a subscription for its own destination with a topic.
func (m *mixing) subscribedTo(t topic) bool {
	return slices.ContainsFunc(m.c.subs, func(sub subscription) bool { return sub.dest == m.destination(t) })
}

// destination returns the destination with a topic and with the client's own key and room.
func (m *mixing) destination(t topic) destination { return destination{t, m.id.key, m.id.room} }

// handleSend executes a SEND frame.
func (m *mixing) handleSend(ctx context.Context, d destination, f *frame) error {
	if d.personal() && d.room != m.id.room {
		return refusal.New(codeUnexpected, "SEND to key %q in room %q; accepted is the key that answers call/key: %q in room %s", clip(d.key), clip(d.room), m.key, m.id.room)
	}
	if d.personal() && d.key != m.key { // usually the server's key before a restart
		m.c.log.Debug("message for a key that is gone ignored", "key", clip(d.key))
		return nil
	}
	switch d.topic {
	case topicCall:
		m.c.called, m.c.keySent = true, false
		if m.session.Peer() == nil && m.offerAt != nil {
			m.scheduleOffer()
		}
		return m.sendKey()
	case topicOffer:
		return m.offer(ctx, f.body)
	case topicAnswer:
		return m.answer(ctx, f.body)
	case topicCandidate:
		return m.candidate(f.body)
	}
	return nil // topicKey: only the clients of a mesh room need the client's key
}

// sendKey answers call/key with the server's key. It does nothing if the client has not sent call/key, has the answer already,
// or has not subscribed to send/key yet.
func (m *mixing) sendKey() error {
	if !m.c.called || m.c.keySent {
		return nil
	}
	n, err := m.c.deliver(destination{topic: topicKey}, message{body: asJSON(m.key)}, false)
	m.c.keySent = n > 0
	return err
}

// offer answers the client's offer. If the offer has the originID of the client's previous offer, it restarts ICE. Any other
// offer makes a new peer connection. The new peer connection replaces the present one, even if the server has made an offer
// that is not answered yet.
func (m *mixing) offer(ctx context.Context, body string) error {
	sdp, media, err := m.readOffer(body)
	if err != nil {
		return err
	}
	m.offerAt = nil
	id := originID(sdp)
	if m.session.Peer() != nil && m.offered.byClient && m.offered.originID == id {
		return m.restart(sdp)
	}
	m.session.Disconnect()
	if err = m.join(ctx, m.id.key, media, m.session.Join); err != nil {
		return err
	}
	answer, err := m.connect(offered{byClient: true, originID: id}).Answer(sdp)
	if err != nil {
		return err
	}
	m.addEarly()
	return m.send(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// readOffer decodes the client's offer, and refuses an offer that the server cannot answer.
func (m *mixing) readOffer(body string) (sdp string, media peer.Offered, err error) {
	msg, err := parseDescription(body, "offer")
	switch {
	case err != nil:
		return "", media, err
	case msg.Key != m.id.key:
		return "", media, refusal.New(codeBadMessage, "offer: key is %q; accepted is one's own: %q", clip(msg.Key), clip(m.id.key))
	case !m.subscribedTo(topicAnswer):
		return "", media, refusal.New(codeUnexpected, "an offer before a subscription to %s; accepted after it", m.destination(topicAnswer))
	}
	media, err = peer.Inspect(msg.Body.SDP)
	return msg.Body.SDP, media, err
}

// restart answers an offer that restarts ICE. The client may then send its candidates again.
func (m *mixing) restart(offer string) error {
	answer, err := m.session.Peer().Restart(offer)
	if err != nil {
		return err
	}
	return m.send(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// makeOffer sends an offer of the mix to a client that has not made an offer itself. The client becomes a member that only
// watches, because it publishes nothing before its answer. This member has no key: a member with the client's key, but without
// media, would end the place that the room may keep for the client.
func (m *mixing) makeOffer(ctx context.Context) error {
	m.offerAt = nil
	if m.session.Peer() != nil || !m.subscribedTo(topicOffer) {
		return nil
	}
	if err := m.join(ctx, "", peer.Offered{}, m.session.Join); err != nil {
		return err
	}
	offer, err := m.connect(offered{pending: true}).Offer()
	if err != nil {
		return err
	}
	return m.send(topicOffer, descriptionMessage{Key: m.key, Body: description{"offer", offer}, ICEServers: m.c.iceServers()})
}

// answer handles the client's answer to an offer of the server. It ignores the answer if the client has replaced the server's
// offer by its own offer.
func (m *mixing) answer(ctx context.Context, body string) error {
	msg, err := parseDescription(body, "answer")
	if err != nil {
		return err
	}
	if m.session.Peer() == nil || !m.offered.pending {
		m.c.log.Debug("late answer ignored")
		return nil
	}
	media, err := peer.Inspect(msg.Body.SDP)
	if err != nil {
		return err
	}
	rejoin := func(ctx context.Context, _ string, j room.Joining, _ viewing.Selection) error {
		return m.session.Rejoin(ctx, j)
	}
	if err := m.join(ctx, m.id.key, media, rejoin); err != nil {
		return err
	}
	m.offered.pending = false
	return m.session.Peer().Accept(msg.Body.SDP)
}

// candidate handles a candidate of the client. It ignores a candidate that cannot be used. It returns an error only if the
// message cannot be decoded.
func (m *mixing) candidate(body string) error {
	msg, err := parseCandidate(body)
	switch {
	case err != nil:
		return err
	case msg.Body == nil || len(body) > maxCandidate:
		return nil
	case m.session.Peer() == nil:
		if len(m.early) < maxEarly {
			m.early = append(m.early, *msg.Body)
		}
		return nil
	}
	m.addCandidate(*msg.Body)
	return nil
}

func (m *mixing) addCandidate(candidate peer.Candidate) {
	if err := m.session.Peer().AddCandidate(candidate); err != nil {
		m.c.log.Debug("candidate ignored", "error", err)
	}
}

func (m *mixing) addEarly() {
	for _, candidate := range m.early {
		m.addCandidate(candidate)
	}
	m.early = nil
}

// joinFunc is the method [session.Session.Join], or a function with the same parameters that calls Rejoin.
type joinFunc func(context.Context, string, room.Joining, viewing.Selection) error

// join makes the client a member of the room by calling join. The member publishes the given media. If the key is that of a
// participant in the room, or was so within the grace period, the member may get this participant's place.
func (m *mixing) join(ctx context.Context, key string, media peer.Offered, join joinFunc) error {
	permit, err := m.c.h.server.Admit(m.c.token, m.c.remote, m.id.room, published(media))
	if err != nil {
		return err
	}
	name, err := permit.Named(m.c.name)
	if err != nil {
		return err
	}
	j := room.Joining{Name: cmp.Or(name, m.c.displayName()), Key: key, Kind: room.Peer, Publish: published(media), Layers: media.Layers}
	if err := join(ctx, m.id.room, j, viewing.Selection{}); err != nil {
		return err
	}
	return m.event(m.session.AtJoin())
}

// connect makes the peer for an offer of the client or of the server.
func (m *mixing) connect(o offered) *peer.Peer {
	m.offered, m.layout = o, nil
	return m.session.Connect(session.Options{Trickle: true, AudioOnly: true})
}

// send sends a message with a topic to the client.
func (m *mixing) send(t topic, body any) error {
	_, err := m.c.deliver(m.destination(t), message{body: asJSON(body)}, false)
	return err
}

// sendCandidate sends a candidate of the server. The client's loop calls it after it has sent the offer or answer that the
// candidate belongs to.
func (m *mixing) sendCandidate(candidate peer.Candidate) error {
	return m.send(topicCandidate, candidateMessage{Key: m.key, Body: &candidate})
}

// afterPeer handles the end of the peer connection. The room keeps the client's place for the grace period. If the client has
// closed the peer connection, it may make another offer. If the peer connection was lost, the client may not have noticed
// that, so the server makes an offer.
func (m *mixing) afterPeer() {
	err := m.session.Peer().Err()
	m.session.Close(session.ErrGone)
	if err == nil {
		return
	}
	m.c.log.Info("connection lost", "error", err)
	m.offerAt = time.After(m.c.h.cfg.CallAfter / 2)
}

// offerDue returns a channel that fires when the server has to make an offer. For a nil m the channel is nil and never fires.
func (m *mixing) offerDue() <-chan time.Time {
	if m == nil {
		return nil
	}
	return m.offerAt
}
