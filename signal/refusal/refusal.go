// Package refusal is the error that a client is shown: a code for its program, and a message for its developer. Rooms,
// peers and dialects make refusals; each dialect writes them to its wire in one place. No client is shown any other
// error.
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
