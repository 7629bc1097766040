package ws

import (
	"errors"
	"log/slog"

	"github.com/gorilla/websocket"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of this dialect; room, peer and viewing add theirs.
const (
	codeTooLarge  = "too_large"
	codeSlow      = "slow"
	codeNotJoined = "not_joined"
	codeInternal  = "internal"
)

// wire translates any error to what the client may know, and logs what it may not.
func wire(err error, log *slog.Logger) errorMessage {
	var c *refusal.Error
	if errors.As(err, &c) {
		return errorMessage{Type: "error", Code: c.Code, Message: c.Message}
	}
	log.Error("session met an internal error", "error", err)
	return errorMessage{Type: "error", Code: codeInternal, Message: "something went wrong in the server; its log says what"}
}

// closeCode is the WebSocket close code (RFC 6455, section 7.4.1) that goes with the end of a
// session.
func closeCode(code string) int {
	switch code {
	case codeTooLarge:
		return websocket.CloseMessageTooBig
	case codeSlow, codeNotJoined, room.CodeReplaced:
		return websocket.ClosePolicyViolation
	case room.CodeClosing:
		return websocket.CloseGoingAway
	case peer.CodeICEFailed, codeInternal:
		return websocket.CloseInternalServerErr
	}
	return websocket.CloseNormalClosure
}
