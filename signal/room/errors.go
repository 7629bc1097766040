package room

import (
	"azulejo/signal/refusal"
)

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

func errClosing() error {
	return refusal.New(CodeClosing, "the server is closing; accepted is a new try later")
}
