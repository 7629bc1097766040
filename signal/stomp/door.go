package stomp

import (
	"time"

	"azulejo/signal/auth"
)

// door counts the client among those of its address that are connected and not in a room.
type door struct {
	guard  *auth.Guard
	remote string
	done   func() // nil: it does not stand there
}

// wait is refused when too many do. It is idempotent, as pass is.
func (d *door) wait() (err error) {
	if d.done == nil {
		d.done, err = d.guard.Wait(d.remote)
	}
	return err
}

// pass is for who is in, or gone.
func (d *door) pass() {
	if d.done != nil {
		d.done()
		d.done = nil
	}
}

// stand follows what became of the client. Who is in no room stands at the door, also after it was in one, and may do so
// for ever only if it is called by itself. In a room that mixes a subscription is no place in it: that comes with an offer.
func (s *session) stand() error {
	switch {
	case s.member() != nil:
		s.due = nil
		s.door.pass()
		return nil
	case s.mix != nil && s.mix.hears(topicOffer):
		s.due = nil
	case s.due == nil:
		s.due = time.After(10 * s.h.cfg.JoinWithin)
	}
	return s.door.wait()
}
