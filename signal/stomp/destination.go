package stomp

import "strings"

// topic is the kind of message that a destination is for.
type topic string

// The topics. Mesh clients and their brokers know all of them except layout and overload, which this server adds.
// Destinations with the topics call/key and send/key are for all clients of a room. The other destinations contain the key
// and the room of one client.
const (
	topicCall      topic = "call/key" // asks the other clients for their keys
	topicKey       topic = "send/key" // answers call/key with the sender's key
	topicOffer     topic = "peer/offer"
	topicAnswer    topic = "peer/answer"
	topicCandidate topic = "peer/iceCandidate"
	topicLayout    topic = "layout"   // of the mix
	topicOverload  topic = "overload" // of the room
	topicUnknown   topic = ""         // any other topic
)

// destination is the parsed value of the header destination, without its prefix.
type destination struct {
	topic     topic
	key, room string // of the client that receives the message; empty: for all clients of the room
}

// The prefixes of destinations.
const (
	toServer   = "/app/"   // in SEND frames
	fromServer = "/topic/" // in SUBSCRIBE and MESSAGE frames
)

// String returns the destination with the prefix /topic/.
func (d destination) String() string {
	if d.key == "" {
		return fromServer + string(d.topic)
	}
	return fromServer + string(d.topic) + "/" + d.key + "/" + d.room
}

// personal tells whether the destination is for one client.
func (d destination) personal() bool { return d.key != "" }

// parseDestination parses the value of a header destination. It returns false if the value does not start with the prefix.
// Any other topic becomes topicUnknown, because clients may use topics of their own.
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
