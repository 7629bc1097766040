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
)

// What a client may subscribe to: the dialect needs five, whose ids and destinations have some hundred bytes.
const (
	maxSubscriptions = 64
	maxSubscription  = 1 << 10 // bytes of the id and the destination of one
)

// subscription is one of the client's.
type subscription struct {
	id          string // may be empty in 1.0
	destination string // as the client wrote it
	to          destination
	acks        bool // it wants to acknowledge each message, which has no effect
}

// subscribe takes a subscription. The first one below /topic/peer tells who the client is.
func (s *session) subscribe(ctx context.Context, f *frame) error {
	sub, err := s.readSubscription(f)
	if err != nil {
		return err
	}
	if sub.to.personal() {
		if err := s.enter(ctx, identity{sub.to.key, sub.to.room}); err != nil {
			return err
		}
	}
	s.subs = append(s.subs, sub)
	switch {
	case s.mix != nil:
		return s.mix.subscribed(sub)
	case s.mesh != nil:
		s.mesh.subscribed()
	}
	return nil
}

func (s *session) readSubscription(f *frame) (subscription, error) {
	sub := subscription{id: f.headers.get("id"), destination: f.headers.get("destination")}
	to, ok := parseDestination(sub.destination, fromServer)
	ack := f.headers.get("ack")
	switch {
	case !ok:
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE to destination %q; accepted are those below %s", clip(sub.destination), fromServer)
	case sub.id == "" && s.version != v10:
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE without id; accepted is one with it")
	case slices.ContainsFunc(s.subs, func(other subscription) bool { return sub.id != "" && other.id == sub.id }):
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE with id %q, which another subscription has; accepted is one of its own", clip(sub.id))
	case ack != "" && ack != "auto" && ack != "client" && ack != "client-individual":
		return sub, refusal.New(codeBadFrame, "SUBSCRIBE with ack %q; accepted are auto, client, client-individual", clip(ack))
	case len(sub.id)+len(sub.destination) > maxSubscription:
		return sub, refusal.New(codeTooLarge, "SUBSCRIBE with an id and a destination of %d bytes; accepted are up to %d", len(sub.id)+len(sub.destination), maxSubscription)
	case len(s.subs) >= maxSubscriptions:
		return sub, refusal.New(codeTooMany, "more than %d subscriptions; accepted are up to that", maxSubscriptions)
	}
	sub.to, sub.acks = to, ack == "client" || ack == "client-individual"
	return sub, nil
}

// unsubscribe forgets a subscription; the last one below /topic/peer ends what the client has in its room.
func (s *session) unsubscribe(f *frame) {
	id, destination := f.headers.get("id"), f.headers.get("destination")
	s.subs = slices.DeleteFunc(s.subs, func(sub subscription) bool {
		return sub.id == id && (id != "" || sub.destination == destination)
	})
	personal := func(sub subscription) bool { return sub.to.personal() }
	if s.me != (identity{}) && !slices.ContainsFunc(s.subs, personal) {
		s.exit(true)
	}
	if s.mesh != nil {
		s.mesh.subscribed()
	}
}

// enter makes the client somebody in a room.
func (s *session) enter(ctx context.Context, who identity) error {
	if who == s.me {
		return nil
	}
	if s.me != (identity{}) {
		return refusal.New(codeUnexpected, "a subscription for key %q in room %q after those for %q in %q; accepted is one key and one room per connection",
			clip(who.key), clip(who.room), clip(s.me.key), s.me.room)
	}
	if err := room.CheckName(who.room); err != nil {
		return err
	}
	var err error
	if s.h.registry.Mode(who.room) == room.Mesh {
		s.mesh, err = s.joinMesh(ctx, who)
	} else {
		s.mix, err = s.beginMixing(who)
	}
	if err != nil {
		return err
	}
	s.me = who
	s.log = s.log.With("room", who.room)
	return nil
}

// deliver sends a message to the client's subscriptions to d, or to the first of them, and tells to how many.
func (s *session) deliver(d destination, m message, all bool) (int, error) {
	n := 0
	for _, sub := range s.subs {
		if sub.to != d || n > 0 && !all {
			continue
		}
		n++
		if err := s.write(s.messageFrame(sub, m)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// message is what a MESSAGE carries.
type message struct{ body, contentType string }

// jsonType is what we say ourselves. Flutter's client shows no body to those who subscribed if there is no type.
const jsonType = "application/json"

func (s *session) messageFrame(sub subscription, m message) frame {
	s.number++
	f := frame{command: "MESSAGE", body: m.body}
	if sub.id != "" {
		f.headers = headers{{"subscription", sub.id}}
	}
	id := s.id + "-" + strconv.FormatUint(s.number, 10)
	f.headers = append(f.headers, header{"message-id", id}, header{"destination", sub.destination}, header{"content-type", cmp.Or(m.contentType, jsonType)})
	if sub.acks && s.version == v12 {
		f.headers = append(f.headers, header{"ack", id}) // 1.2, MESSAGE
	}
	return f
}

// displayName is for people: what the client asked for, or something that at least differs from others.
func (s *session) displayName() string {
	if s.name != "" {
		return s.name
	}
	letters := strings.FieldsFunc(s.me.key, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	begin := []rune(strings.Join(letters, ""))
	return strings.TrimSpace("guest " + string(begin[:min(len(begin), 4)]))
}
