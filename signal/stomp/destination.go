package stomp

import "strings"

// topic is what a destination is about.
type topic string

// The topics of the dialect, and two of our own. Those of a peer and ours are for one client of one room, the others for
// all of a room.
const (
	topicCall      topic = "call/key" // who is there?
	topicKey       topic = "send/key" // I am
	topicOffer     topic = "peer/offer"
	topicAnswer    topic = "peer/answer"
	topicCandidate topic = "peer/iceCandidate"
	topicLayout    topic = "layout"   // what the picture shows
	topicOverload  topic = "overload" // how far the room is degraded
	topicUnknown   topic = ""
)

// destination is where a frame goes to or comes from: /app/… is to the server, /topic/… from it.
type destination struct {
	topic     topic
	key, room string // of the client whom it is for; empty for those that are for all
}

// The beginnings of destinations.
const (
	toServer   = "/app/"
	fromServer = "/topic/"
)

// String is the destination as clients subscribe to it.
func (d destination) String() string {
	if d.key == "" {
		return fromServer + string(d.topic)
	}
	return fromServer + string(d.topic) + "/" + d.key + "/" + d.room
}

// personal tells whether it is for one client.
func (d destination) personal() bool { return d.key != "" }

// parseDestination reads what follows the prefix. What is none of the dialect's is an unknown topic: clients may
// have more of them for each other.
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
		personal = append(personal, topicLayout, topicOverload) // nobody but the server tells them
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
