package stomp

import (
	"time"

	"azulejo/signal/auth"
)

// lobby counts the client among the connected clients of its address that are in no room.
type lobby struct {
	guard  *auth.Guard
	remote string
	done   func() // nil: the client is not in the lobby
}

// enter is refused if too many clients of the address are there. It is idempotent, as leave is.
func (l *lobby) enter() (err error) {
	if l.done == nil {
		l.done, err = l.guard.Wait(l.remote)
	}
	return err
}

// leave is for a client that is in a room, or gone.
func (l *lobby) leave() {
	if l.done != nil {
		l.done()
		l.done = nil
	}
}

// checkLobby moves the client into the lobby or out of it. A client in no room is in the lobby, also if it was in a room
// before, and may stay there without limit only if it waits for an offer of the server. In a room that mixes the client
// is in no room before an offer of either side.
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
