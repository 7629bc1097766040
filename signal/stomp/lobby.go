package stomp

import (
	"time"

	"azulejo/signal/auth"
)

// lobby counts one client among the connected clients that are in no room. The guard limits their number for each network.
type lobby struct {
	guard  *auth.Guard
	remote string // the client's address, host:port
	done   func() // nil: the client is not in the lobby
}

// enter counts the client. It refuses the client if too many clients of its network are in the lobby. It does nothing if the
// client is in the lobby already.
func (l *lobby) enter() (err error) {
	if l.done == nil {
		l.done, err = l.guard.Wait(l.remote)
	}
	return err
}

// leave stops counting the client. It must be called when the client has entered a room or its session has ended. It does
// nothing if the client is not in the lobby.
func (l *lobby) leave() {
	if l.done != nil {
		l.done()
		l.done = nil
	}
}

// checkLobby moves the client into the lobby or out of it, and sets or removes the time limit for entering a room. It is called
// after every event.
//
// A client that is in no room is in the lobby, even if it was in a room before. There is no time limit while the client waits
// for an offer of the server. A client of a room that mixes enters it only with the first offer, by the client or the server.
func (c *client) checkLobby() error {
	switch {
	case c.session().Member() != nil:
		c.due = nil
		c.lobby.leave()
		return nil
	case c.mix != nil && c.mix.subscribedTo(topicOffer):
		c.due = nil
	case c.due == nil:
		c.due = time.After(10 * c.h.cfg.JoinWithin)
	}
	return c.lobby.enter()
}
