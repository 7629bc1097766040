package stomp

import (
	"time"

	"azulejo/signal/auth"
)

// lobby counts one client among the connected clients of its address that are in no room.
type lobby struct {
	guard  *auth.Guard
	remote string
	done   func() // nil: the client is not in the lobby
}

// enter counts the client. It refuses the client if too many clients of its address are in the lobby. enter and leave
// are idempotent.
func (l *lobby) enter() (err error) {
	if l.done == nil {
		l.done, err = l.guard.Wait(l.remote)
	}
	return err
}

// leave must be called when the client is in a room, or gone.
func (l *lobby) leave() {
	if l.done != nil {
		l.done()
		l.done = nil
	}
}

// checkLobby moves the client into the lobby or out of it, and sets or removes the time limit for entering a room. A
// client that is in no room is in the lobby, also if it was in a room before. It may stay there without limit only if
// it waits for an offer of the server. In a room that mixes, the client is in the room only after an offer of either
// side.
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
