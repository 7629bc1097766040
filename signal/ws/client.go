package ws

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// client is one WebSocket connection, with at most one membership and one peer. Only the goroutine of run uses it.
type client struct {
	h       *Handler
	log     *slog.Logger
	pump    *pump
	origin  origin
	session *session.Session

	token    string           // with which the client joined
	answered bool             // an offer was answered; the next one is an ICE restart
	joinBy   <-chan time.Time // fires if the client has not joined in time; nil after the join
}

// origin is what the handler knows of the client that opened a connection.
type origin struct {
	remote string // host:port
	token  string // of the HTTP request; a token in the join replaces it
	joined func() // tells the guard that the client is in a room
}

func newClient(h *Handler, conn *websocket.Conn, from origin) *client {
	p := newPump(conn, h.ping)
	log := h.log.With("remote", from.remote)
	return &client{
		h: h, log: log, pump: p, origin: from, session: session.New(h.server, log, p.notify), joinBy: time.After(h.joinWithin),
	}
}

// run serves the connection, and returns after it has closed it.
func (c *client) run(ctx context.Context) {
	c.pump.start()
	code, reason := websocket.CloseInternalServerErr, codeInternal // for a panic of the loop
	var err error
	defer func() {
		c.session.Close(err)
		c.pump.finish(code, reason)
	}()
	err = c.loop(ctx)
	if errors.Is(err, session.ErrLeft) || errors.Is(err, session.ErrGone) {
		code, reason = websocket.CloseNormalClosure, ""
		return
	}
	m := errorFor(err, c.log)
	c.pump.send(m) // a slow client may miss it
	code, reason = closeCode(m.Code), m.Code
}

// loop handles one event after the other. It returns the reason why the connection must end.
func (c *client) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return refusal.New(room.CodeClosing, "the server is closing; accepted is a new connection later")
		case r, ok := <-c.pump.in:
			if !ok {
				return session.ErrGone
			}
			err = c.receive(ctx, r)
		case candidate := <-c.session.Candidates():
			err = c.send(ourCandidate{"candidate", candidate})
		case e := <-c.session.Events():
			err = c.sendEvent(e)
		case <-c.session.Done():
			return c.session.Err()
		case <-c.session.PeerDone():
			return c.afterPeer()
		case <-c.joinBy:
			return refusal.New(codeNotJoined, "no join within %v; accepted is a new connection that joins", c.h.joinWithin)
		case <-c.session.Flowing():
			c.session.Started()
		case <-c.session.Viewer().Layouts():
			c.session.Viewer().SendLayout()
		case <-c.session.Viewer().Demands():
			c.session.Viewer().SendTile()
		case <-c.session.Viewer().Overdue():
			c.session.Viewer().Confirm()
		case <-c.pump.gone:
			return session.ErrGone
		}
		if err != nil {
			return err
		}
	}
}

// receive handles one message. It answers a mistake of the client with an error message, and the connection goes on.
// The connection ends if receive returns an error.
func (c *client) receive(ctx context.Context, r received) error {
	var refused *refusal.Error
	switch {
	case r.fatal && errors.As(r.err, &refused):
		return r.err
	case r.fatal:
		c.log.Debug("connection ended", "error", r.err)
		return session.ErrGone
	case r.err != nil:
		return c.send(errorFor(r.err, c.log))
	}
	err := c.handle(ctx, r.message)
	if err == nil || errors.Is(err, session.ErrLeft) || errors.Is(err, errSlow) {
		return err
	}
	return c.send(errorFor(err, c.log))
}

var errSlow error = refusal.New(codeSlow, "%d messages were not read; accepted is a new connection that reads them", backlog)

func (c *client) send(message any) error {
	if !c.pump.send(message) {
		return errSlow
	}
	return nil
}

// sendEvent sends the participants of the room, and before that its level of overload if that is new.
func (c *client) sendEvent(e room.Event) error {
	if err := c.sendOverload(e.Overload); err != nil {
		return err
	}
	return c.send(viewing.Participants{Type: "participants", Participants: e.Participants})
}

// sendOverload sends the level of overload of the room if the client does not know it.
func (c *client) sendOverload(level int) error {
	if m, isNew := c.session.Overload(level); isNew {
		return c.send(m)
	}
	return nil
}

// afterPeer returns why the connection ends after its peer connection has ended. A client that closed the peer
// connection itself counts as gone, unless its leave message arrives too.
func (c *client) afterPeer() error {
	if err := c.session.Peer().Err(); err != nil {
		return err
	}
	return c.awaitLeave()
}

// leaveWithin is how long the server waits for the leave message of a client that closed its peer connection.
const leaveWithin = time.Second

// awaitLeave waits for the client's leave message. Clients send it right before they close the peer connection, but the
// server may notice the end of the peer connection first.
func (c *client) awaitLeave() error {
	late := time.After(leaveWithin)
	for {
		select {
		case r, ok := <-c.pump.in:
			if _, leaves := r.message.(leaveMessage); leaves {
				return session.ErrLeft
			}
			if !ok || r.fatal {
				return session.ErrGone
			}
		case <-c.pump.gone:
			return session.ErrGone
		case <-late:
			return session.ErrGone
		}
	}
}
