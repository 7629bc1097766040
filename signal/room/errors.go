package room

import (
	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// Codes of the errors that a client can react to. They are part of the signalling protocols.
const (
	CodeBadRoom    = "bad_room"
	CodeBadName    = "bad_name"
	CodeBadKey     = "bad_key"
	CodeNameTaken  = "name_taken"
	CodeRooms      = "too_many_rooms"
	CodeFull       = "room_full"
	CodeViewers    = "too_many_viewers"
	CodeReplaced   = "replaced" // another connection joined with the same key
	CodeSlow       = "slow"     // the client does not read its events
	CodeClosing    = "closing"
	CodeNoSuchRoom = "no_such_room"
	CodeNoSuchView = "no_such_view"
	CodeBadView    = "bad_view"
	CodeViews      = "too_many_views"
	CodeRecorded   = "view_recorded" // a recorded view cannot be deleted
	CodeOverloaded = "overloaded"
	CodeMesh       = "mesh_room" // a mesh room accepts no media
)

func errNoSuchRoom(name string) error {
	return refusal.New(CodeNoSuchRoom, "room %q does not exist now", mixer.ClipName(name))
}

func errReplaced() error {
	return refusal.New(CodeReplaced, "the same key joined again; accepted is one connection per key")
}

func errClosing() error {
	return refusal.New(CodeClosing, "the server is closing; accepted is a new try later")
}

func errOverloaded() error {
	return refusal.New(CodeOverloaded, "this server has more to do than it can already; accepted is a new try later")
}
