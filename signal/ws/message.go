package ws

import (
	"bytes"
	"encoding/json"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// The messages of clients.
type (
	joinMessage struct {
		Room    string            `json:"room"`
		Name    string            `json:"name"`
		Key     string            `json:"key"`
		Token   string            `json:"token"`
		Publish publish           `json:"publish"`
		Select  viewing.Selection `json:"-"` // its JSON fields are fields of the join message; parseJoin reads them
	}
	publish struct {
		Audio  bool `json:"audio"`
		Video  bool `json:"video"`
		Screen bool `json:"screen"` // the video is a shared screen
		Layers int  `json:"layers"` // simulcast layers; zero means one
	}
	offerMessage struct {
		SDP string `json:"sdp"`
	}
	candidateMessage struct {
		peer.Candidate
	}
	viewMessage   viewing.Selection
	defineMessage struct {
		View string          `json:"view"`
		As   json.RawMessage `json:"as"` // nil or null: the view is removed
	}
	muteMessage  struct{ room.Media }
	leaveMessage struct{}
	pingMessage  struct{}
)

// The messages of the server.
type (
	joinedMessage struct {
		Type         string             `json:"type"`
		ID           string             `json:"id"`
		Room         string             `json:"room"`
		ICEServers   []peer.ICEServer   `json:"iceServers"`
		Participants []room.Participant `json:"participants"`
	}
	answerMessage struct {
		Type string `json:"type"`
		SDP  string `json:"sdp"`
	}
	serverCandidate struct {
		Type string `json:"type"`
		peer.Candidate
	}
	errorMessage struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	viewsMessage struct {
		Type  string          `json:"type"`
		Views []room.ViewInfo `json:"views"`
	}
	pongMessage struct {
		Type string `json:"type"`
	}
)

const knownTypes = "join, offer, candidate, view, define, mute, leave, ping"

// parse decodes one message. The result has one of the types of clients' messages. The error is a [refusal.Error].
func parse(data []byte) (any, error) {
	var envelope struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return nil, malformed("the message", err)
	}
	switch envelope.Type {
	case "join":
		return parseJoin(data)
	case "offer":
		return decode[offerMessage](envelope.Type, data)
	case "candidate":
		return parseCandidate(data)
	case "view":
		return decode[viewMessage](envelope.Type, data)
	case "define":
		return decode[defineMessage](envelope.Type, data)
	case "mute":
		return decode[muteMessage](envelope.Type, data)
	case "leave":
		return leaveMessage{}, nil
	case "ping":
		return pingMessage{}, nil
	case "":
		return nil, refusal.New(viewing.CodeBadMessage, "a message without type; accepted types: %s", knownTypes)
	}
	return nil, refusal.New(viewing.CodeBadMessage, "unknown type %q; accepted: %s", viewing.Clip(envelope.Type), knownTypes)
}

// decode decodes a message into a T. The error names the message.
func decode[T any](name string, data []byte) (any, error) {
	var m T
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, malformed(name, err)
	}
	return m, nil
}

// parseJoin decodes a join message. It decodes the same JSON object a second time into the selection.
func parseJoin(data []byte) (any, error) {
	var m joinMessage
	for _, target := range []any{&m, &m.Select} {
		if err := json.Unmarshal(data, target); err != nil {
			return nil, malformed("join", err)
		}
	}
	return m, m.Publish.check()
}

// check refuses contradictory or unsupported media.
func (p publish) check() error {
	switch {
	case p.Screen && !p.Video:
		return refusal.New(viewing.CodeBadMessage, "join: publish.screen without publish.video; accepted is screen beside video")
	case p.Layers < 0 || p.Layers > peer.MaxLayers:
		return refusal.New(viewing.CodeBadMessage, "join: publish.layers %d; accepted are 1 to %d", p.Layers, peer.MaxLayers)
	}
	return nil
}

// parseCandidate decodes a candidate message. The fields of RTCIceCandidate are either fields of the message itself, or of an
// object in its field candidate.
func parseCandidate(data []byte) (any, error) {
	var outer struct {
		Candidate json.RawMessage `json:"candidate"`
	}
	if err := json.Unmarshal(data, &outer); err != nil {
		return nil, malformed("candidate", err)
	}
	if nested := bytes.TrimSpace(outer.Candidate); len(nested) > 0 && nested[0] == '{' {
		return decode[candidateMessage]("candidate", nested)
	}
	return decode[candidateMessage]("candidate", data)
}

// malformed returns the refusal for JSON that cannot be decoded. what names the message.
func malformed(what string, err error) error {
	if misread := viewing.Misread(what, err); misread != nil {
		return misread
	}
	return refusal.New(viewing.CodeBadMessage, "%s is no JSON object (%v); accepted is one with one of the types %s", what, err, knownTypes)
}
