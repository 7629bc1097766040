package session

import (
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Server has the objects that the sessions of all clients share.
type Server struct {
	Registry *room.Registry
	Engine   *peer.Engine // makes the peer connections
	Guard    *auth.Guard
}

// Admit asks the guard whether a client may join a room. The client needs the right to watch the room. If publish is not
// empty, it also needs the right to publish. The guard counts the request as a join from the address remote (host:port).
// The error is a [refusal.Error].
func (s Server) Admit(token, remote, room string, publish room.Media) (auth.Permit, error) {
	return s.Guard.Admit(auth.Ask{Token: token, Room: room, Grants: grants(publish), Remote: remote, Join: true})
}

// grants returns the rights that a client needs to watch a room and to publish these media.
func grants(publish room.Media) []auth.Grant {
	if publish == (room.Media{}) {
		return []auth.Grant{auth.View}
	}
	return []auth.Grant{auth.View, auth.Publish}
}
