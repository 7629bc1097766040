package stomp

import (
	"encoding/json"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// What clients say to each other, and to us, below /peer. Both kinds of clients ignore keys they do not know.
type (
	descriptionMessage struct {
		Key        string           `json:"key"` // of who says it
		Body       description      `json:"body"`
		ICEServers []peer.ICEServer `json:"iceServers,omitempty"`
	}
	description struct {
		Type string `json:"type"`
		SDP  string `json:"sdp"`
	}
	candidateMessage struct {
		Key  string          `json:"key"`
		Body *peer.Candidate `json:"body"` // none: there are no more
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

// asJSON writes what cannot fail to be written.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// sent is what a description says its side sends, and in which session (o=) it says so.
func sent(text string) (m room.Media, session uint64, err error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return m, 0, refusal.New(peer.CodeBadSDP, "the SDP cannot be read: %v; accepted is one as RTCPeerConnection makes it", err)
	}
	for _, section := range d.MediaDescriptions {
		switch section.MediaName.Media {
		case "audio":
			m.Audio = m.Audio || sends(section)
		case "video":
			m.Video = m.Video || sends(section)
		}
	}
	return m, d.Origin.SessionID, nil
}

// sends tells whether a section is in use, and in this direction.
func sends(m *sdp.MediaDescription) bool {
	for _, not := range []string{"recvonly", "inactive"} {
		if _, ok := m.Attribute(not); ok {
			return false
		}
	}
	_, bundled := m.Attribute("bundle-only")
	return m.MediaName.Port.Value != 0 || bundled
}
