// Package refusal defines the errors that are meant for a client. A refusal has a code for the client's program, and a
// message for the developer of the client. The server does not send the text of any other error to a client.
package refusal

import "fmt"

// Error is one refusal. Its code is part of the signalling protocols.
type Error struct {
	Code    string
	Message string // what was wrong, and what is accepted
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// New makes a refusal. The message is the result of fmt.Sprintf with format and args.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
