package stomp

import (
	"errors"
	"log/slog"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of this dialect. The packages room, peer and auth define further codes.
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

// reason returns the refusal that reports an error to the client. It logs an internal error, whose text the client does
// not get.
func reason(err error, log *slog.Logger) *refusal.Error {
	var c *refusal.Error
	if errors.As(err, &c) {
		return c
	}
	log.Error("session met an internal error", "error", err)
	return refusal.New(codeInternal, "something went wrong in the server; its log says what")
}

// closeCode returns the code with which SockJS or its WebSocket (RFC 6455, section 7.4.1) is closed after a refusal
// with the given code. An empty code means that the client ended the session.
func closeCode(code string) uint32 {
	switch code {
	case "":
		return 1000 // normal
	case room.CodeClosing:
		return 1001 // going away
	case codeTooLarge:
		return 1009
	case codeInternal, peer.CodeICEFailed:
		return 1011
	}
	return 1008 // policy
}

// errorFrame returns the ERROR that ends a session. more contains further headers, such as the receipt-id of the frame
// that was refused.
func errorFrame(e *refusal.Error, more headers) frame {
	h := headers{{"message", e.Code}, {"content-type", "text/plain;charset=UTF-8"}}
	return frame{"ERROR", append(h, more...), e.Message}
}

// frameError is the error of one frame, and the further headers of its ERROR.
type frameError struct {
	err  error
	more headers
}

func (e frameError) Error() string { return e.err.Error() }
