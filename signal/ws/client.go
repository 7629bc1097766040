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
	info    clientInfo
	session *session.Session

	token    string           // the token of the join
	answered bool             // the server has answered an offer; any later offer must be an ICE restart
	joinBy   <-chan time.Time // fires when the time limit for the join is over; nil after the join
}

// clientInfo describes the client of a new connection.
type clientInfo struct {
	remote string // host:port
	token  string // of the HTTP request; a token in the join message has precedence
	joined func() // tells the guard that the client is in a room; see auth.Guard.Wait
}

func newClient(h *Handler, conn *websocket.Conn, info clientInfo) *client {
	p := newPump(conn, h.ping)
	log := h.log.With("remote", info.remote)
	return &client{
		h: h, log: log, pump: p, info: info, session: session.New(h.server, log, p.notify), joinBy: time.After(h.joinWithin),
	}
}

// run serves the connection. It closes the connection before it returns.
func (c *client) run(ctx context.Context) {
	c.pump.start()
	code, reason := websocket.CloseInternalServerErr, codeInternal // used if the loop panics
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
	c.pump.send(m) // dropped if the queue is full
	code, reason = closeCode(m.Code), m.Code
}

// loop handles one event after the other. It returns the reason for which the connection must end.
func (c *client) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return refusal.New(room.CodeClosing, "the server is closing; accepted is a new connection later")
		case r, ok := <-c.pump.incoming:
			if !ok {
				return session.ErrGone
			}
			err = c.receive(ctx, r)
		case candidate := <-c.session.Candidates():
			err = c.send(serverCandidate{"candidate", candidate})
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
		case <-c.pump.writerDone:
			return session.ErrGone
		}
		if err != nil {
			return err
		}
	}
}

// receive handles one message of the client. After a mistake of the client it sends an error message, and the connection
// continues. If receive returns an error, the connection must end.
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

// send queues a message for the client. It returns errSlow if the queue is full.
func (c *client) send(message any) error {
	if !c.pump.send(message) {
		return errSlow
	}
	return nil
}

// sendEvent sends the participants of the room. Before them it sends the room's level of overload, if the level has changed.
func (c *client) sendEvent(e room.Event) error {
	if err := c.sendOverload(e.Overload); err != nil {
		return err
	}
	return c.send(viewing.Participants{Type: "participants", Participants: e.Participants})
}

// sendOverload sends the room's level of overload, unless it is the last level that the client received.
func (c *client) sendOverload(level int) error {
	if m, isNew := c.session.Overload(level); isNew {
		return c.send(m)
	}
	return nil
}

// afterPeer is called when the peer connection has ended. It returns the reason for which the WebSocket connection must end:
// the error of the peer connection, or ErrLeft or ErrGone if the client closed the peer connection.
func (c *client) afterPeer() error {
	if err := c.session.Peer().Err(); err != nil {
		return err
	}
	return c.awaitLeave()
}

// leaveWithin is how long the server waits for the leave message of a client that closed its peer connection.
const leaveWithin = time.Second

// awaitLeave waits for the client's leave message, and returns ErrLeft if it arrives, or else ErrGone. Clients send this
// message right before they close the peer connection. The server may notice the end of the peer connection first.
func (c *client) awaitLeave() error {
	late := time.After(leaveWithin)
	for {
		select {
		case r, ok := <-c.pump.incoming:
			if _, leaves := r.message.(leaveMessage); leaves {
				return session.ErrLeft
			}
			if !ok || r.fatal {
				return session.ErrGone
			}
		case <-c.pump.writerDone:
			return session.ErrGone
		case <-late:
			return session.ErrGone
		}
	}
}
