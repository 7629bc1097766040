package stomp

import (
	"encoding/json"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// The bodies of messages with the topics peer/…, of clients and of the server. The clients that we know ignore fields
// that they do not know.
type (
	descriptionMessage struct {
		Key        string           `json:"key"` // of the sender
		Body       description      `json:"body"`
		ICEServers []peer.ICEServer `json:"iceServers,omitempty"`
	}
	description struct {
		Type string `json:"type"`
		SDP  string `json:"sdp"`
	}
	candidateMessage struct {
		Key  string          `json:"key"`
		Body *peer.Candidate `json:"body"` // null: no further candidate follows
	}
)

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

func parseCandidate(body string) (candidateMessage, error) {
	var m candidateMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, notJSON("iceCandidate", err)
	}
	return m, nil
}

func notJSON(what string, err error) error {
	return refusal.New(codeBadMessage, `%s: %v; accepted is a JSON object {"key", "body"}`, what, err)
}

// asJSON encodes a value whose encoding cannot fail.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// origin returns the session id of a description (o=, RFC 8866, section 5.2). Each connection of a client has another
// id. The result is zero if the description cannot be read.
func origin(text string) uint64 {
	var d sdp.SessionDescription
	if d.UnmarshalString(text) != nil {
		return 0
	}
	return d.Origin.SessionID
}

// published returns the media that a client sends.
func published(o peer.Offered) room.Media {
	return room.Media{Audio: o.Audio.Sends, Video: o.Video.Sends}
}
