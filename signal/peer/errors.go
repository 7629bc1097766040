package peer

import "fmt"

// Codes of the errors a client can cause. They are part of the signalling protocols.
const (
	CodeBadSDP       = "bad_sdp"
	CodeBadCandidate = "bad_candidate"
	CodeSecondOffer  = "second_offer"
	CodeUnexpected   = "unexpected"
	CodeICEFailed    = "ice_failed"
)

// Error is something the client did or lost, told in words meant for its developer.
// Everything else that goes wrong is an ordinary error and no client's business.
type Error struct {
	code    string
	message string
}

// Error tells what was wrong and what is accepted.
func (e *Error) Error() string { return e.message }

// Code is one of the constants of this package.
func (e *Error) Code() string { return e.code }

func errorf(code, format string, args ...any) *Error {
	return &Error{code: code, message: fmt.Sprintf(format, args...)}
}
