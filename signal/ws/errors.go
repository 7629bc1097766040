package ws

import (
	"errors"
	"log/slog"

	"github.com/gorilla/websocket"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of errors of this dialect. The packages auth, room, peer and viewing define further codes.
const (
	codeTooLarge  = "too_large"
	codeSlow      = "slow"
	codeNotJoined = "not_joined"
	codeInternal  = "internal"
)

// errorFor returns the message that reports an error to the client. An error that is not a refusal is logged, and the client
// does not get its text.
func errorFor(err error, log *slog.Logger) errorMessage {
	var refused *refusal.Error
	if errors.As(err, &refused) {
		return errorMessage{Type: "error", Code: refused.Code, Message: refused.Message}
	}
	log.Error("session met an internal error", "error", err)
	return errorMessage{Type: "error", Code: codeInternal, Message: "something went wrong in the server; its log says what"}
}

// closeCode returns the WebSocket close code (RFC 6455, section 7.4.1) for a session that ends with an error of the
// given code.
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
