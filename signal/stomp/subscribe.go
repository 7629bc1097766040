package stomp

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
)

// Limits of the subscriptions of a client. The known clients have five subscriptions. The id and the destination of each have
// about a hundred bytes together.
const (
	maxSubscriptions = 64
	maxSubscription  = 1 << 10 // bytes of the id and the destination of one subscription
)

// subscription is one subscription of the client.
type subscription struct {
	id          string      // may be empty in STOMP 1.0
	destination string      // the header destination; MESSAGE frames repeat it
	dest        destination // the parsed header
	acks        bool        // the client acknowledges each message; the server ignores that
}

// subscribe executes a SUBSCRIBE frame. The first subscription with a key and a room makes the client enter this room.
func (c *client) subscribe(ctx context.Context, f *frame) error {
	sub, err := c.readSubscription(f)
	if err != nil {
		return err
	}
	if sub.dest.personal() {
		if err := c.enter(ctx, identity{sub.dest.key, sub.dest.room}); err != nil {
			return err
		}
	}
	c.subs = append(c.subs, sub)
	switch {
	case c.mix != nil:
		return c.mix.subscribed(sub)
	case c.mesh != nil:
		c.mesh.subscribed()
	}
	return nil
}

// readSubscription reads and checks the headers of a SUBSCRIBE frame.
func (c *client) readSubscription(f *frame) (subscription, error) {
	sub := subscription{id: f.headers.get("id"), destination: f.headers.get("destination")}
	dest, ok := parseDestination(sub.destination, fromServer)
	ack := f.headers.get("ack")
	switch {
	case !ok:
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE to destination %q; accepted are those below %s", clip(sub.destination), fromServer)
	case sub.id == "" && c.version != v10:
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE without id; accepted is one with it")
	case slices.ContainsFunc(c.subs, func(other subscription) bool { return sub.id != "" && other.id == sub.id }):
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE with id %q, which another subscription has; accepted is one of its own", clip(sub.id))
	case ack != "" && ack != "auto" && ack != "client" && ack != "client-individual":
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE with ack %q; accepted are auto, client, client-individual", clip(ack))
	case len(sub.id)+len(sub.destination) > maxSubscription:
		return sub, refusal.New(codeTooLarge, "SUBSCRIBE with an id and a destination of %d bytes; accepted are up to %d", len(sub.id)+len(sub.destination), maxSubscription)
	case len(c.subs) >= maxSubscriptions:
		return sub, refusal.New(codeTooMany, "more than %d subscriptions; accepted are up to that", maxSubscriptions)
	}
	sub.dest, sub.acks = dest, ack == "client" || ack == "client-individual"
	return sub, nil
}

// unsubscribe executes an UNSUBSCRIBE frame. When the last subscription with a key is removed, the client leaves its room.
func (c *client) unsubscribe(f *frame) {
	id, destination := f.headers.get("id"), f.headers.get("destination")
	c.subs = slices.DeleteFunc(c.subs, func(sub subscription) bool {
		return sub.id == id && (id != "" || sub.destination == destination)
	})
	personal := func(sub subscription) bool { return sub.dest.personal() }
	if c.me != (identity{}) && !slices.ContainsFunc(c.subs, personal) {
		c.leaveRoom(session.ErrLeft)
	}
	if c.mesh != nil {
		c.mesh.subscribed()
	}
}

// enter sets the client's key and room. In a mesh room the client becomes a member at once. In a room that mixes it becomes a
// member with the first offer. enter refuses a second key or room.
func (c *client) enter(ctx context.Context, id identity) error {
	if id == c.me {
		return nil
	}
	if c.me != (identity{}) {
		return refusal.New(codeUnexpected, "a subscription for key %q in room %q after those for %q in %q; accepted is one key and one room per connection",
			clip(id.key), clip(id.room), clip(c.me.key), c.me.room)
	}
	if err := room.CheckName(id.room); err != nil {
		return err
	}
	var err error
	if c.h.server.Registry.Mode(id.room) == room.Mesh {
		c.mesh, err = c.joinMesh(ctx, id)
	} else {
		c.mix, err = c.newMixing(id)
	}
	if err != nil {
		return err
	}
	c.me = id
	c.log = c.log.With("room", id.room)
	return nil
}

// deliver sends a message to the client's subscriptions for the destination d. Without all, only the first of them gets the
// message. deliver returns the number of subscriptions that got it.
func (c *client) deliver(d destination, m message, all bool) (int, error) {
	n := 0
	for _, sub := range c.subs {
		if sub.dest != d || n > 0 && !all {
			continue
		}
		n++
		if err := c.write(c.messageFrame(sub, m)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// message is the content of a MESSAGE frame. An empty contentType stands for jsonType.
type message struct{ body, contentType string }

// jsonType is the content type of the server's own messages. Without a content type, the STOMP client for Flutter does not
// pass the body to its subscribers.
const jsonType = "application/json"

// messageFrame returns the MESSAGE frame that delivers a message to a subscription.
func (c *client) messageFrame(sub subscription, m message) frame {
	c.number++
	f := frame{command: "MESSAGE", body: m.body}
	if sub.id != "" {
		f.headers = headers{{"subscription", sub.id}}
	}
	id := c.id + "-" + strconv.FormatUint(c.number, 10)
	f.headers = append(f.headers, header{"message-id", id}, header{"destination", sub.destination}, header{"content-type", cmp.Or(m.contentType, jsonType)})
	if sub.acks && c.version == v12 {
		f.headers = append(f.headers, header{"ack", id}) // STOMP 1.2, MESSAGE
	}
	return f
}

// displayName returns the name from CONNECT. If CONNECT had none, the name is "guest" with the first four letters or digits of
// the key.
func (c *client) displayName() string {
	if c.name != "" {
		return c.name
	}
	letters := strings.FieldsFunc(c.me.key, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	short := []rune(strings.Join(letters, ""))
	return strings.TrimSpace("guest " + string(short[:min(len(short), 4)]))
}
