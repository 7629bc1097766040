package stomp

import (
	"context"
	"encoding/json"
	"sync"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// How much a client of a mesh room may say at once: everybody in the room may have to read it, so it is less than what
// may wait for one. A colon in a header is written with two bytes to who speaks 1.2.
const (
	meshBurst     = backlog * 3 / 4
	meshByteBurst = backlogBytes / 4
	maxCall       = 1 << 10 // bytes of a body that is for all
)

// broker passes messages on between the clients of mesh rooms, room by room. It is safe for concurrent use, and
// never waits for a client.
type broker struct {
	mu    sync.Mutex
	rooms map[string]map[*session]*listener
}

// listener is who stands behind a session, and what it has subscribed to. The name is that of the token, which may have
// none.
type listener struct {
	key, name string
	hears     map[destination]bool
}

// relayed is a message on its way to the subscriptions of a client.
type relayed struct {
	to destination
	message
}

func newBroker() *broker { return &broker{rooms: map[string]map[*session]*listener{}} }

// add refuses a key that is in use by a token of another name: all of a room know all keys, and who had another's could
// end its session, and hear what is meant for it.
func (b *broker) add(room string, s *session, l *listener) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.rooms[room] {
		if other.key == l.key && other.name != l.name && other.name != "" {
			return refusal.New(auth.CodeForbidden, "key %q is in use by somebody whose token has another name; accepted is a random key", clip(l.key))
		}
	}
	if b.rooms[room] == nil {
		b.rooms[room] = map[*session]*listener{}
	}
	b.rooms[room][s] = l
	return nil
}

func (b *broker) remove(room string, s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rooms[room], s)
	if len(b.rooms[room]) == 0 {
		delete(b.rooms, room)
	}
}

// listen is what a session has subscribed to from now on.
func (b *broker) listen(room string, s *session, hears map[destination]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[room][s].hears = hears
}

// publish gives a message to everybody in a room who hears it, who said it included, as brokers do.
func (b *broker) publish(room string, m relayed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s, l := range b.rooms[room] {
		if l.hears[m.to] {
			s.post(m)
		}
	}
}

// post never blocks; the broker calls it, under its lock.
func (s *session) post(m relayed) {
	select {
	case s.relayed <- m:
		return
	default:
	}
	select {
	case <-s.flooded:
	default:
		close(s.flooded)
	}
}

// passOn delivers what the broker gave.
func (s *session) passOn(m relayed) error {
	if s.mesh == nil {
		return nil // it has left meanwhile
	}
	_, err := s.deliver(m.to, m.message, true)
	return err
}

// mesh is what a client has in a mesh room.
type mesh struct {
	s      *session
	member *room.Member
}

// joinMesh makes the client one of those who hear of each other. What they send each other is not seen here, so all
// need to be allowed to publish.
func (s *session) joinMesh(ctx context.Context, who identity) (*mesh, error) {
	permit, err := s.h.guard.Admit(auth.Ask{
		Token: s.token, Room: who.room, Grants: []auth.Grant{auth.View, auth.Publish}, Remote: s.remote, Join: true,
	})
	if err != nil {
		return nil, err
	}
	name, err := permit.Named(s.name)
	if err != nil {
		return nil, err
	}
	if err = s.h.broker.add(who.room, s, &listener{key: who.key, name: permit.Name}); err != nil {
		return nil, err
	}
	member, err := s.h.registry.Join(ctx, who.room, room.Joining{Name: name, Key: who.key, Kind: room.Peer, Mesh: true})
	if err != nil {
		s.h.broker.remove(who.room, s)
		return nil, err
	}
	s.messages.SetBurst(meshBurst)
	s.bytes.SetBurst(meshByteBurst)
	return &mesh{s, member}, nil
}

// subscribed tells the broker.
func (m *mesh) subscribed() {
	hears := map[destination]bool{}
	for _, sub := range m.s.subs {
		hears[sub.to] = true
	}
	m.s.h.broker.listen(m.s.me.room, m.s, hears)
}

// take passes a SEND on.
func (m *mesh) take(d destination, f *frame) error {
	if d.personal() && d.room != m.s.me.room {
		return refusal.New(codeUnexpected, "SEND to room %q; accepted is the one that was subscribed to: %s", clip(d.room), m.s.me.room)
	}
	if !d.personal() && len(f.body) > maxCall {
		return refusal.New(codeTooLarge, "SEND of %d bytes to all, by /app/%s; accepted are up to %d", len(f.body), d.topic, maxCall)
	}
	m.s.h.broker.publish(m.s.me.room, relayed{d, message{f.body, typeOf(f)}})
	return nil
}

// typeOf is the content type that a message keeps or, without one, looks like.
func typeOf(f *frame) string {
	if t := f.headers.get("content-type"); t != "" {
		return t
	}
	if json.Valid([]byte(f.body)) {
		return jsonType
	}
	return "text/plain;charset=UTF-8"
}

func (m *mesh) close(leaves bool) {
	m.s.h.broker.remove(m.s.me.room, m.s)
	if leaves {
		m.member.Leave()
	} else {
		m.member.Lose()
	}
}
