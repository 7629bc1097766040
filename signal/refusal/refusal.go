// Package refusal defines the error that is meant for a client: a code for the client's program, and a message for its
// developer. Rooms, peers and dialects make refusals. Each dialect has one place that sends them. A client gets the
// text of no other error.
package refusal

import "fmt"

// Error is one refusal. Its code is part of the signalling protocols.
type Error struct {
	Code    string
	Message string // says what was wrong and what is accepted
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// New makes a refusal. Its message is formatted as by fmt.Sprintf.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
