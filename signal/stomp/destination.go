package stomp

import "strings"

// topic is the kind of a destination.
type topic string

// The topics of the dialect, and two that only this server has: layout and overload. Destinations with the topics
// peer/…, layout and overload name one client of one room. The others are for all clients of a room.
const (
	topicCall      topic = "call/key" // asks for the keys of the others
	topicKey       topic = "send/key" // answers with a key
	topicOffer     topic = "peer/offer"
	topicAnswer    topic = "peer/answer"
	topicCandidate topic = "peer/iceCandidate"
	topicLayout    topic = "layout"   // of the mix
	topicOverload  topic = "overload" // of the room
	topicUnknown   topic = ""
)

// destination is the address of a frame: /app/… to the server, /topic/… from it.
type destination struct {
	topic     topic
	key, room string // of the receiver; empty: for all clients of the room
}

// The prefixes of destinations.
const (
	toServer   = "/app/"
	fromServer = "/topic/"
)

// String returns the destination as clients subscribe to it.
func (d destination) String() string {
	if d.key == "" {
		return fromServer + string(d.topic)
	}
	return fromServer + string(d.topic) + "/" + d.key + "/" + d.room
}

// personal tells whether the destination is for one client.
func (d destination) personal() bool { return d.key != "" }

// parseDestination reads a destination below a prefix, and returns false if it is not below it. A topic that is not of
// the dialect becomes topicUnknown: clients may have topics of their own.
func parseDestination(s, prefix string) (destination, bool) {
	path, ok := strings.CutPrefix(s, prefix)
	if !ok || path == "" {
		return destination{}, false
	}
	for _, t := range []topic{topicCall, topicKey} {
		if path == string(t) {
			return destination{topic: t}, true
		}
	}
	personal := []topic{topicOffer, topicAnswer, topicCandidate}
	if prefix == fromServer {
		personal = append(personal, topicLayout, topicOverload) // sent by the server only
	}
	for _, t := range personal {
		rest, found := strings.CutPrefix(path, string(t)+"/")
		key, room, two := strings.Cut(rest, "/")
		if found && two && key != "" && room != "" && !strings.Contains(room, "/") {
			return destination{t, key, room}, true
		}
	}
	return destination{topic: topicUnknown}, true
}
