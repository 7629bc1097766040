package session

import (
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// Server is what the sessions of all clients share: the registry of rooms, the engine of the peer connections, and the
// guard.
type Server struct {
	Registry *room.Registry
	Engine   *peer.Engine
	Guard    *auth.Guard
}

// Admit asks the guard whether a client may join a room to watch it and, unless publish is empty, to publish these
// media. The guard counts the request as a join from the remote address (host:port). An error is a [refusal.Error].
func (s Server) Admit(token, remote, room string, publish room.Media) (auth.Permit, error) {
	return s.Guard.Admit(auth.Ask{Token: token, Room: room, Grants: grants(publish), Remote: remote, Join: true})
}

func grants(publish room.Media) []auth.Grant {
	if publish == (room.Media{}) {
		return []auth.Grant{auth.View}
	}
	return []auth.Grant{auth.View, auth.Publish}
}
