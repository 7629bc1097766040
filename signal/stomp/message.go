package stomp

import (
	"encoding/json"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// The bodies of messages with the topics peer/offer, peer/answer and peer/iceCandidate, in both directions. All known clients
// ignore the field iceServers, which this server adds.
type (
	descriptionMessage struct {
		Key        string           `json:"key"` // the sender's key
		Body       description      `json:"body"`
		ICEServers []peer.ICEServer `json:"iceServers,omitempty"`
	}
	description struct {
		Type string `json:"type"`
		SDP  string `json:"sdp"`
	}
	candidateMessage struct {
		Key  string          `json:"key"`  // the sender's key
		Body *peer.Candidate `json:"body"` // nil: no further candidate follows
	}
)

// parseDescription decodes the body of an offer or answer. kind is the expected type of the description. The error is a
// [refusal.Error].
func parseDescription(body, kind string) (descriptionMessage, error) {
	var m descriptionMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, notJSON(kind, err)
	}
	if m.Body.Type != kind || m.Body.SDP == "" {
		return m, refusal.New(codeBadMessage, "%s: body.type is %q, body.sdp has %d bytes; accepted is an RTCSessionDescription of this type", kind, clip(m.Body.Type), len(m.Body.SDP))
	}
	return m, nil
}

// parseCandidate decodes the body of a message with a candidate. The error is a [refusal.Error].
func parseCandidate(body string) (candidateMessage, error) {
	var m candidateMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, notJSON("iceCandidate", err)
	}
	return m, nil
}

// notJSON returns the refusal for a body that cannot be decoded. what names the message.
func notJSON(what string, err error) error {
	return refusal.New(codeBadMessage, `%s: %v; accepted is a JSON object {"key", "body"}`, what, err)
}

// asJSON encodes a value. The encoding of these values cannot fail.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// originID returns the session id in the origin line (o=) of an SDP (RFC 8866, section 5.2). Each peer connection of a client
// has its own id. The result is zero if the SDP cannot be parsed.
func originID(text string) uint64 {
	var d sdp.SessionDescription
	if d.UnmarshalString(text) != nil {
		return 0
	}
	return d.Origin.SessionID
}

// published returns the media that a client sends according to its offer or answer.
func published(o peer.Offered) room.Media {
	return room.Media{Audio: o.Audio.Sends, Video: o.Video.Sends}
}
