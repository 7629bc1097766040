package ws

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/gorilla/websocket"

	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Codes of this dialect; room and peer add theirs.
const (
	codeBadMessage  = "bad_message"
	codeUnexpected  = "unexpected"
	codeUnsupported = "unsupported"
	codeTooLarge    = "too_large"
	codeSlow        = "slow"
	codeInternal    = "internal"
)

// Error is a mistake in the dialect: what was wrong and what is accepted.
type Error struct {
	code    string
	message string
}

// Error tells what was wrong.
func (e *Error) Error() string { return e.message }

// Code is the word a program looks at.
func (e *Error) Code() string { return e.code }

func errorf(code, format string, args ...any) *Error {
	return &Error{code: code, message: fmt.Sprintf(format, args...)}
}

// coded errors are meant for the client; all others are ours alone.
type coded interface {
	error
	Code() string
}

// wire translates any error to what the client may know, and logs what it may not.
func wire(err error, log *slog.Logger) errorMessage {
	var c coded
	if errors.As(err, &c) {
		return errorMessage{Type: "error", Code: c.Code(), Message: c.Error()}
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
	case codeSlow, room.CodeReplaced:
		return websocket.ClosePolicyViolation
	case room.CodeClosing:
		return websocket.CloseGoingAway
	case peer.CodeICEFailed, codeInternal:
		return websocket.CloseInternalServerErr
	}
	return websocket.CloseNormalClosure
}
