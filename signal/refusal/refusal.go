// Package refusal has the errors that are meant for a client: what it did wrong or lost, in words for its
// developer, and a code for its program. Rooms, peers and dialects make them; each dialect translates them
// to its wire in one place. Every other error is internal and no client's business.
package refusal

import "fmt"

// Error is one refusal. Its code is part of the signalling protocols.
type Error struct {
	Code    string
	Message string // what was wrong and what is accepted
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// New makes a refusal; the message is formatted as by fmt.Sprintf.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
