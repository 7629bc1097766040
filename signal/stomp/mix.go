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

// Limits of the candidates that a client sends before its offer. They are stored until the offer arrives. Flutter's
// clients send such candidates, because they gather them while they still write the offer.
const (
	maxEarly     = 64
	maxCandidate = 2 << 10 // bytes of a message with a candidate; usually some 200
)

// mixing is what a client has in a room that mixes. The server is the only other client that it sees there. The client
// becomes a member with the first offer of either side.
type mixing struct {
	c       *client
	id      identity
	key     string // the key by which the server calls itself
	session *session.Session

	offered  offered          // how the present connection was offered
	layout   any              // the newest layout message of the present connection; nil: none yet
	overload viewing.Overload // the newest overload message

	early  []peer.Candidate // of the client, before the offer that they belong to
	callAt <-chan time.Time // fires when the server has to make an offer; nil: no offer is due
}

// offered describes the offer from which a connection was made.
type offered struct {
	byClient bool
	origin   uint64 // of the client's offer (o=)
	pending  bool   // the server's offer waits for its answer
}

// newMixing asks the guard whether the client may watch the room. Whether it may publish is asked when its media are
// known.
func (c *client) newMixing(id identity) (*mixing, error) {
	_, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Room: id.room, Grants: []auth.Grant{auth.View}, Remote: c.remote})
	if err != nil {
		return nil, err
	}
	m := &mixing{c: c, id: id, key: c.h.mixerKey(id.room)}
	m.session = session.New(c.h.server, c.log, m.notify)
	return m, nil
}

// subscribed handles a new subscription: it sends the messages that waited for it. A client that has just subscribed to
// offers has some time to make an offer before the server does.
func (m *mixing) subscribed(sub subscription) error {
	if m.session.Peer() == nil && m.subscribedTo(topicOffer) {
		m.scheduleCall()
	}
	if err := m.catchUp(sub); err != nil {
		return err
	}
	return m.sendKey()
}

// scheduleCall sets when the server makes its offer. A client that sent call/key usually makes an offer itself, so it
// gets twice the time.
func (m *mixing) scheduleCall() {
	after := m.c.h.cfg.CallAfter
	if m.c.called {
		after *= 2
	}
	m.callAt = time.After(after)
}

func (m *mixing) subscribedTo(t topic) bool {
	return slices.ContainsFunc(m.c.subs, func(sub subscription) bool { return sub.to == m.topic(t) })
}

// topic returns the destination of a topic for this client.
func (m *mixing) topic(t topic) destination { return destination{t, m.id.key, m.id.room} }

// handleSend executes a SEND.
func (m *mixing) handleSend(ctx context.Context, d destination, f *frame) error {
	if d.personal() && d.room != m.id.room {
		return refusal.New(codeUnexpected, "SEND to key %q in room %q; accepted is the key that answers call/key: %q in room %s", clip(d.key), clip(d.room), m.key, m.id.room)
	}
	if d.personal() && d.key != m.key { // the key that the server had before a restart
		m.c.log.Debug("message for a key that is gone ignored", "key", clip(d.key))
		return nil
	}
	switch d.topic {
	case topicCall:
		m.c.called, m.c.keySent = true, false
		if m.session.Peer() == nil && m.callAt != nil {
			m.scheduleCall()
		}
		return m.sendKey()
	case topicOffer:
		return m.offer(ctx, f.body)
	case topicAnswer:
		return m.answer(ctx, f.body)
	case topicCandidate:
		return m.candidate(f.body)
	}
	return nil // topicKey is for the clients of a mesh room
}

// sendKey answers call/key with the server's key, as soon as the client has subscribed to send/key.
func (m *mixing) sendKey() error {
	if !m.c.called || m.c.keySent {
		return nil
	}
	n, err := m.c.deliver(destination{topic: topicKey}, message{body: asJSON(m.key)}, false)
	m.c.keySent = n > 0
	return err
}

// offer answers the client's offer. If the offer has the session id (o=) of the client's previous offer, it restarts
// ICE. Any other offer makes a new connection, which replaces the present one, also if the server has made an offer at
// the same time.
func (m *mixing) offer(ctx context.Context, body string) error {
	sdp, media, err := m.readOffer(body)
	if err != nil {
		return err
	}
	m.callAt = nil
	id := origin(sdp)
	if m.session.Peer() != nil && m.offered.byClient && m.offered.origin == id {
		return m.restart(sdp)
	}
	m.session.Disconnect()
	if err = m.join(ctx, m.id.key, media, m.session.Join); err != nil {
		return err
	}
	answer, err := m.connect(offered{byClient: true, origin: id}).Answer(sdp)
	if err != nil {
		return err
	}
	m.addEarly()
	return m.send(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// readOffer refuses an offer that cannot be answered.
func (m *mixing) readOffer(body string) (sdp string, media peer.Offered, err error) {
	msg, err := parseDescription(body, "offer")
	switch {
	case err != nil:
		return "", media, err
	case msg.Key != m.id.key:
		return "", media, refusal.New(codeBadMessage, "offer: key is %q; accepted is one's own: %q", clip(msg.Key), clip(m.id.key))
	case !m.subscribedTo(topicAnswer):
		return "", media, refusal.New(codeUnexpected, "an offer before a subscription to %s; accepted after it", m.topic(topicAnswer))
	}
	media, err = peer.Inspect(msg.Body.SDP)
	return msg.Body.SDP, media, err
}

// restart answers an offer that restarts ICE, after which the client may send all its candidates again.
func (m *mixing) restart(offer string) error {
	answer, err := m.session.Peer().Restart(offer)
	if err != nil {
		return err
	}
	return m.send(topicAnswer, descriptionMessage{Key: m.key, Body: description{"answer", answer}})
}

// call offers the mix to a client that has made no offer in time. Until its answer says what it publishes, the client
// is a viewer without a key: a viewer with the client's key would take over the place that the room keeps for the
// client.
func (m *mixing) call(ctx context.Context) error {
	m.callAt = nil
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

// answer accepts the client's answer to an offer of the server. It ignores the answer if the client's own offer has
// replaced the server's meanwhile.
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

// candidate adds a candidate of the client. It never ends the connection because of one that cannot be used.
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
	m.add(*msg.Body)
	return nil
}

func (m *mixing) add(candidate peer.Candidate) {
	if err := m.session.Peer().AddCandidate(candidate); err != nil {
		m.c.log.Debug("candidate ignored", "error", err)
	}
}

func (m *mixing) addEarly() {
	for _, candidate := range m.early {
		m.add(candidate)
	}
	m.early = nil
}

// joining is [session.Session.Join], or a function with its parameters that calls Rejoin.
type joining func(context.Context, string, room.Joining, viewing.Selection) error

// join makes the client a member that publishes the media of its description. A client whose key is in the room, or was
// there within the grace period, gets its place back.
func (m *mixing) join(ctx context.Context, key string, media peer.Offered, join joining) error {
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

// connect makes the peer for an offer of either side.
func (m *mixing) connect(o offered) *peer.Peer {
	m.offered, m.layout = o, nil
	return m.session.Connect(session.Options{Trickle: true, AudioOnly: true})
}

func (m *mixing) send(t topic, body any) error {
	_, err := m.c.deliver(m.topic(t), message{body: asJSON(body)}, false)
	return err
}

// sendCandidate sends a candidate of the server. The loop has already sent the description that the candidate belongs
// to.
func (m *mixing) sendCandidate(candidate peer.Candidate) error {
	return m.send(topicCandidate, candidateMessage{Key: m.key, Body: &candidate})
}

// afterPeer handles the end of the peer connection. The room keeps the client's place for the grace period. A client
// that closed the connection may make another offer. A client that lost the connection may not know that, so the server
// makes an offer.
func (m *mixing) afterPeer() {
	err := m.session.Peer().Err()
	m.session.Close(session.ErrGone)
	if err == nil {
		return
	}
	m.c.log.Info("connection lost", "error", err)
	m.callAt = time.After(m.c.h.cfg.CallAfter / 2)
}

// callDue returns a channel that fires when the server has to make an offer. m may be nil.
func (m *mixing) callDue() <-chan time.Time {
	if m == nil {
		return nil
	}
	return m.callAt
}
