package stomp

import (
	"errors"
	"log/slog"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of this dialect; room, peer and auth add theirs.
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

// reason translates any error to what the client may know, and logs what it may not.
func reason(err error, log *slog.Logger) *refusal.Error {
	var c *refusal.Error
	if errors.As(err, &c) {
		return c
	}
	log.Error("session met an internal error", "error", err)
	return refusal.New(codeInternal, "something went wrong in the server; its log says what")
}

// closeCode is the one that SockJS, or the WebSocket (RFC 6455, section 7.4.1), is closed with.
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

// errorFrame says why the session ends; receipt is that of the frame that caused it, if it wanted one.
func errorFrame(e *refusal.Error, receipt string) frame {
	f := frame{"ERROR", headers{{"message", e.Code}, {"content-type", "text/plain;charset=UTF-8"}}, e.Message}
	if receipt != "" {
		f.headers = append(f.headers, header{"receipt-id", receipt})
	}
	return f
}
