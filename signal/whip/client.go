package whip

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
)

// client is what RFC 9725 calls a session: the membership and the peer that a POST made, with a URL of its own. Only
// the loop uses the fields session and ice. All other fields are set before the loop starts, and do not change.
type client struct {
	h        *Handler
	log      *slog.Logger
	id       string // secret: a request with this id and a valid token may end the session
	location string
	grant    auth.Grant // the right that the POST needed, and that every other request needs
	room     string
	name     string // of a publisher: the name in the URL, as the token allows it; of a viewer: the name in the token
	user     string // id of the member; the TURN credentials are for this user
	board    *board // nil for publishers

	ctx      context.Context // ends with the session or the handler; the cause is the reason
	stop     context.CancelCauseFunc
	requests chan func()
	done     chan struct{} // closed when everything is freed

	session *session.Session
	ice     iceSession
}

// gatherWithin bounds the time in which the server gathers its own candidates; it usually takes milliseconds.
const gatherWithin = 5 * time.Second

func (h *Handler) newClient(r *http.Request, p post) *client {
	id := rand.Text()
	c := &client{
		h: h, log: h.log, id: id, location: p.endpoint + "/" + id, grant: p.grant, room: r.PathValue("room"), name: p.name,
		requests: make(chan func()), done: make(chan struct{}),
	}
	if p.grant == auth.View {
		c.board = newBoard()
	}
	c.session = session.New(h.server, h.log, c.notify)
	c.ctx, c.stop = context.WithCancelCause(h.ctx)
	return c
}

// open joins the room and makes the peer. It returns the answer to the offer, with all candidates of the server.
func (c *client) open(r *http.Request, p post) (string, error) {
	if err := c.session.Join(r.Context(), c.room, p.joining, p.watch); err != nil {
		return "", err
	}
	c.log, c.user = c.session.Log(), c.session.Member().ID()
	answer, err := c.connect(r, p)
	if err != nil {
		return "", err
	}
	if c.ice, err = newICESession(p.offer.text); err != nil {
		return "", err
	}
	c.event(c.session.AtJoin())
	return ordered(answer, r)
}

func (c *client) connect(r *http.Request, p post) (string, error) {
	peer := c.session.Connect(p.options)
	if _, err := peer.Answer(p.offer.text); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherWithin)
	defer cancel()
	answer, err := peer.Gather(ctx)
	if err != nil {
		return "", fmt.Errorf("answer the offer: %w", err)
	}
	return answer, nil
}

// discard frees a client whose loop never started.
func (c *client) discard(err error) {
	c.stop(err)
	c.session.Close(session.ErrLeft)
}

// run runs the loop, and frees everything when the loop has returned.
func (c *client) run() {
	err := c.loop()
	c.h.forget(c)
	c.stop(err)
	if c.board != nil {
		c.board.finish(endOf(err, c.log))
	}
	c.session.Close(err)
	close(c.done)
}

// loop handles one event after the other. It returns the reason why the session must end.
func (c *client) loop() error {
	connected, connectBy := false, time.After(c.h.cfg.ConnectWithin)
	for {
		select {
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.session.Done():
			return c.session.Err()
		case <-c.session.PeerDone():
			return c.peerErr()
		case <-connectBy:
			if !connected {
				return refusal.New(codeNotConnected, "no connection within %v; accepted is another POST", c.h.cfg.ConnectWithin)
			}
		case request := <-c.requests:
			request()
		case <-c.session.Flowing():
			connected = true
			c.session.Started()
		case e := <-c.session.Events():
			c.event(e)
		case <-c.session.Viewer().Layouts():
			c.session.Viewer().SendLayout()
		case <-c.session.Viewer().Overdue():
			c.session.Viewer().Confirm()
		}
	}
}

// peerErr returns why the peer connection is over. A client that closes its connection leaves (RFC 9725, section 4.2).
func (c *client) peerErr() error {
	if err := c.session.Peer().Err(); err != nil {
		return err
	}
	return session.ErrLeft
}

// do runs a request in the loop and waits for it. It returns the error of the request, or another error if the session
// or ctx ends before the loop runs the request.
func (c *client) do(ctx context.Context, request func() error) error {
	reply := make(chan error, 1)
	select {
	case c.requests <- func() { reply <- request() }:
		return <-reply
	case <-c.ctx.Done():
		return errGone()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// notify publishes an event for a viewer; publishers have no events.
func (c *client) notify(kind string, message any) {
	if c.board != nil {
		c.board.publish(kind, message)
	}
}

// event publishes the participants of the room, and before that its level of overload if that is new.
func (c *client) event(e room.Event) {
	if m, isNew := c.session.Overload(e.Overload); isNew {
		c.notify(m.Type, m)
	}
	c.notify("participants", participants(e))
}
