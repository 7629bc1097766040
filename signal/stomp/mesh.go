package stomp

import (
	"context"
	"encoding/json"
	"sync"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// The bursts of a client in a mesh room. The server may relay a burst to every client of the room, so a burst fits the
// queue of one client. The margin is for longer headers: an escaped colon in a header of 1.2 takes two bytes.
const (
	meshBurst     = backlog * 3 / 4
	meshByteBurst = backlogBytes / 4
	maxCall       = 1 << 10 // bytes of a body that is for all clients of the room
)

// broker relays messages between the clients of each mesh room. It is safe for concurrent use and never waits for a
// client.
type broker struct {
	mu    sync.Mutex
	rooms map[string]map[*client]*participant
}

// participant is a client of a mesh room. name is the name in its token, and may be empty.
type participant struct {
	key, name     string
	subscriptions map[destination]bool
}

// relayed is a message for the subscriptions of a client to one destination.
type relayed struct {
	to destination
	message
}

func newBroker() *broker { return &broker{rooms: map[string]map[*client]*participant{}} }

// add registers a client. It refuses a key that is in use by a client whose token has another name. All clients of a
// room know all keys. With the key of another client, a client could end the other's session and receive its messages.
func (b *broker) add(room string, c *client, p *participant) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.rooms[room] {
		if other.key == p.key && other.name != p.name && other.name != "" {
			return refusal.New(auth.CodeForbidden, "key %q is in use by somebody whose token has another name; accepted is a random key", clip(p.key))
		}
	}
	if b.rooms[room] == nil {
		b.rooms[room] = map[*client]*participant{}
	}
	b.rooms[room][c] = p
	return nil
}

func (b *broker) remove(room string, c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rooms[room], c)
	if len(b.rooms[room]) == 0 {
		delete(b.rooms, room)
	}
}

// subscribe replaces the subscriptions of a client.
func (b *broker) subscribe(room string, c *client, to map[destination]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[room][c].subscriptions = to
}

// publish relays a message to all subscribers in a room. A sender that has subscribed gets its own message too, as with
// every STOMP broker.
func (b *broker) publish(room string, m relayed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c, p := range b.rooms[room] {
		if p.subscriptions[m.to] {
			c.enqueue(m)
		}
	}
}

// enqueue queues a message for the client's loop. It never blocks, because the broker calls it under its lock. If the
// queue is full, it closes flooded, and the loop ends the session.
func (c *client) enqueue(m relayed) {
	select {
	case c.relayed <- m:
		return
	default:
	}
	select {
	case <-c.flooded:
	default:
		close(c.flooded)
	}
}

// relay delivers a message that the broker has relayed to the client.
func (c *client) relay(m relayed) error {
	if c.mesh == nil {
		return nil // the client has left meanwhile
	}
	_, err := c.deliver(m.to, m.message, true)
	return err
}

// mesh is what a client has in a mesh room.
type mesh struct {
	c       *client
	session *session.Session
}

// joinMesh makes the client a member of a mesh room. The server does not see which media the clients of a mesh send to
// each other, so all of them need the right to publish.
func (c *client) joinMesh(ctx context.Context, id identity) (*mesh, error) {
	permit, err := c.h.server.Admit(c.token, c.remote, id.room, room.Media{Audio: true, Video: true})
	if err != nil {
		return nil, err
	}
	name, err := permit.Named(c.name)
	if err != nil {
		return nil, err
	}
	if err = c.h.broker.add(id.room, c, &participant{key: id.key, name: permit.Name}); err != nil {
		return nil, err
	}
	m := &mesh{c, session.New(c.h.server, c.log, nil)}
	joining := room.Joining{Name: name, Key: id.key, Kind: room.Peer, Mesh: true}
	if err = m.session.Join(ctx, id.room, joining, viewing.Selection{}); err != nil {
		c.h.broker.remove(id.room, c)
		return nil, err
	}
	c.messages.SetBurst(meshBurst)
	c.bytes.SetBurst(meshByteBurst)
	return m, nil
}

// subscribed passes the client's present subscriptions to the broker.
func (m *mesh) subscribed() {
	all := map[destination]bool{}
	for _, sub := range m.c.subs {
		all[sub.to] = true
	}
	m.c.h.broker.subscribe(m.c.me.room, m.c, all)
}

// handleSend relays a SEND.
func (m *mesh) handleSend(d destination, f *frame) error {
	if d.personal() && d.room != m.c.me.room {
		return refusal.New(codeUnexpected, "SEND to room %q; accepted is the one that was subscribed to: %s", clip(d.room), m.c.me.room)
	}
	if !d.personal() && len(f.body) > maxCall {
		return refusal.New(codeTooLarge, "SEND of %d bytes to all, by /app/%s; accepted are up to %d", len(f.body), d.topic, maxCall)
	}
	m.c.h.broker.publish(m.c.me.room, relayed{d, message{f.body, typeOf(f)}})
	return nil
}

// typeOf returns the content type of a frame. If the frame has none, typeOf guesses it from the body.
func typeOf(f *frame) string {
	if t := f.headers.get("content-type"); t != "" {
		return t
	}
	if json.Valid([]byte(f.body)) {
		return jsonType
	}
	return "text/plain;charset=UTF-8"
}
