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

// The bursts of a client in a mesh room, see messageBurst. The server may relay a whole burst to one client, so the burst must
// fit in that client's queue. The margin is for longer headers: STOMP 1.2 escapes a colon in a header with two bytes.
const (
	meshBurst     = backlog * 3 / 4  // messages
	meshByteBurst = backlogBytes / 4 // bytes
	maxBroadcast  = 1 << 10          // the size of a body that is for all clients of the room, in bytes
)

// broker relays messages between the clients of each mesh room. It is safe for concurrent use. It never blocks on a slow
// client.
type broker struct {
	mu    sync.Mutex
	rooms map[string]map[*client]*meshClient
}

// meshClient is a client of a mesh room.
type meshClient struct {
	key           string
	name          string // in the client's token; may be empty
	subscriptions map[destination]bool
}

// relayed is a message for all subscriptions of a client for the destination dest.
type relayed struct {
	dest destination
	message
}

func newBroker() *broker { return &broker{rooms: map[string]map[*client]*meshClient{}} }

// add registers a client. All clients of a room know each other's keys. With the key of another client, a client could end the
// session of this other client and receive its messages. So add refuses a key that a client with another name in its token
// uses.
func (b *broker) add(room string, c *client, mc *meshClient) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.rooms[room] {
		if other.key == mc.key && other.name != mc.name && other.name != "" {
			return refusal.New(auth.CodeForbidden, "key %q is in use by somebody whose token has another name; accepted is a random key", clip(mc.key))
		}
	}
	if b.rooms[room] == nil {
		b.rooms[room] = map[*client]*meshClient{}
	}
	b.rooms[room][c] = mc
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
func (b *broker) subscribe(room string, c *client, subscriptions map[destination]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[room][c].subscriptions = subscriptions
}

// publish relays a message to all subscribers in a room. A sender that has subscribed to the destination gets its own message
// too, as with every STOMP broker.
func (b *broker) publish(room string, m relayed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c, mc := range b.rooms[room] {
		if mc.subscriptions[m.dest] {
			c.enqueue(m)
		}
	}
}

// enqueue queues a message of the broker for the client's loop. It never blocks, because the broker calls it under its lock. If
// the queue is full, enqueue closes flooded, and the loop then ends the session.
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

// relay sends a message of the broker to the client.
func (c *client) relay(m relayed) error {
	if c.mesh == nil {
		return nil // the client has left the room
	}
	_, err := c.deliver(m.dest, m.message, true)
	return err
}

// mesh is the state of a client in a mesh room.
type mesh struct {
	c       *client
	session *session.Session
}

// joinMesh makes the client a member of a mesh room. The server cannot know which media the clients send to each other, so all
// of them need the grant to publish.
func (c *client) joinMesh(ctx context.Context, id identity) (*mesh, error) {
	permit, err := c.h.server.Admit(c.token, c.remote, id.room, room.Media{Audio: true, Video: true})
	if err != nil {
		return nil, err
	}
	name, err := permit.Named(c.name)
	if err != nil {
		return nil, err
	}
	if err = c.h.broker.add(id.room, c, &meshClient{key: id.key, name: permit.Name}); err != nil {
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

// subscribed passes the client's subscriptions to the broker. It must be called after each change.
func (m *mesh) subscribed() {
	all := map[destination]bool{}
	for _, sub := range m.c.subs {
		all[sub.dest] = true
	}
	m.c.h.broker.subscribe(m.c.me.room, m.c, all)
}

// handleSend executes a SEND frame: it relays the body to the subscribers in the room.
func (m *mesh) handleSend(d destination, f *frame) error {
	if d.personal() && d.room != m.c.me.room {
		return refusal.New(codeUnexpected, "SEND to room %q; accepted is the one that was subscribed to: %s", clip(d.room), m.c.me.room)
	}
	if !d.personal() && len(f.body) > maxBroadcast {
		return refusal.New(codeTooLarge, "SEND of %d bytes to all, by /app/%s; accepted are up to %d", len(f.body), d.topic, maxBroadcast)
	}
	m.c.h.broker.publish(m.c.me.room, relayed{d, message{f.body, contentTypeOf(f)}})
	return nil
}

// contentTypeOf returns the content type of a frame. If the frame has none, contentTypeOf guesses it from the body.
func contentTypeOf(f *frame) string {
	if t := f.headers.get("content-type"); t != "" {
		return t
	}
	if json.Valid([]byte(f.body)) {
		return jsonType
	}
	return "text/plain;charset=UTF-8"
}
