package room

import "fmt"

// Codes of the errors that a client can do something about. They are part of the signalling
// protocols.
const (
	CodeBadRoom    = "bad_room"
	CodeBadName    = "bad_name"
	CodeBadKey     = "bad_key"
	CodeNameTaken  = "name_taken"
	CodeRooms      = "too_many_rooms"
	CodeFull       = "room_full"
	CodeViewers    = "too_many_viewers"
	CodeReplaced   = "replaced"
	CodeSlow       = "slow"
	CodeClosing    = "closing"
	CodeNoSuchRoom = "no_such_room"
)

// Error is meant for the user: what was wrong and what is accepted. Everything else that this
// package returns is internal and no user's business.
type Error struct {
	code    string
	message string
}

// Error tells what was wrong.
func (e *Error) Error() string { return e.message }

// Code is one of the constants of this package.
func (e *Error) Code() string { return e.code }

func errorf(code, format string, args ...any) *Error {
	return &Error{code: code, message: fmt.Sprintf(format, args...)}
}

func errClosing() error {
	return errorf(CodeClosing, "the server is closing; accepted is a new try later")
}
