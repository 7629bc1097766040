package stomp

import (
	"errors"
	"log/slog"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of errors of this dialect. The packages room, peer and auth define further codes.
const (
	codeBadFrame    = "bad_frame"
	codeBadMessage  = "bad_message"
	codeUnexpected  = "unexpected"
	codeUnsupported = "unsupported"
	codeTooLarge    = "too_large"
	codeTooMany     = "too_many"
	codeSlow        = "slow"
	codeNotJoined   = "not_joined"
	codeInternal    = "internal"
)

// refusalFor returns the refusal that reports an error to the client. An error that is not a refusal is logged, and the client
// does not get its text.
func refusalFor(err error, log *slog.Logger) *refusal.Error {
	var refused *refusal.Error
	if errors.As(err, &refused) {
		return refused
	}
	log.Error("session met an internal error", "error", err)
	return refusal.New(codeInternal, "something went wrong in the server; its log says what")
}

// closeCode returns the code with which the server closes the SockJS session (or its WebSocket, RFC 6455, section 7.4.1)
// after a refusal with the given code. An empty code stands for a session that the client has ended.
func closeCode(code string) uint32 {
	switch code {
	case "":
		return 1000 // normal
	case room.CodeClosing:
		return 1001 // going away
	case codeTooLarge:
		return 1009 // message too big
	case codeInternal, peer.CodeICEFailed:
		return 1011 // internal error
	}
	return 1008 // policy violation
}

// errorFrame returns the ERROR frame that ends a session. more are further headers, such as the receipt-id of the refused
// frame.
func errorFrame(e *refusal.Error, more headers) frame {
	h := headers{{"message", e.Code}, {"content-type", "text/plain;charset=UTF-8"}}
	return frame{"ERROR", append(h, more...), e.Message}
}

// frameError is an error that a client's frame caused. more are the further headers of the ERROR frame that reports it.
type frameError struct {
	err  error
	more headers
}

func (e frameError) Error() string { return e.err.Error() }
