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

// client is one WHIP or WHEP session in the sense of RFC 9725: everything that belongs to the URL that a POST returned. After
// the loop has started, only the loop uses the fields session and ice, and the other fields do not change.
type client struct {
	h        *Handler
	log      *slog.Logger
	id       string     // secret: a request with this id and a valid token may end the session
	location string     // path of the session
	grant    auth.Grant // the right that each request of this client needs
	room     string
	name     string // of a publisher: the name in the path, or the name in the token; of a viewer: the name in the token
	user     string // id of the member; the TURN credentials are for this user
	board    *board // nil for publishers

	ctx      context.Context // ends with the session or the handler; its cause is the reason
	stop     context.CancelCauseFunc
	requests chan func()   // functions that the loop calls
	done     chan struct{} // closed when everything is freed

	session *session.Session
	ice     iceSession
}

// gatherTimeout is how long a POST waits for the server's own candidates. Usually they are known within milliseconds.
const gatherTimeout = 5 * time.Second

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

// open joins the room and makes the peer. It returns the answer to the offer, with all candidates of the server, sorted.
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
	c.publishState(c.session.AtJoin())
	return ordered(answer, r)
}

// connect makes the peer and returns its answer, with all candidates of the server.
func (c *client) connect(r *http.Request, p post) (string, error) {
	peer := c.session.Connect(p.options)
	if _, err := peer.Answer(p.offer.text); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherTimeout)
	defer cancel()
	answer, err := peer.Gather(ctx)
	if err != nil {
		return "", fmt.Errorf("answer the offer: %w", err)
	}
	return answer, nil
}

// discard frees a client after open has failed.
func (c *client) discard(err error) {
	c.stop(err)
	c.session.Close(session.ErrLeft)
}

// run runs the loop. Afterwards it frees everything.
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

// loop handles the requests of the client and the events of its session, one after the other. It returns the reason why the
// session must end.
func (c *client) loop() error {
	connected, connectTimeout := false, time.After(c.h.cfg.ConnectWithin)
	for {
		select {
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.session.Done():
			return c.session.Err()
		case <-c.session.PeerDone():
			return c.peerErr()
		case <-connectTimeout:
			if !connected {
				return refusal.New(codeNotConnected, "no connection within %v; accepted is another POST", c.h.cfg.ConnectWithin)
			}
		case request := <-c.requests:
			request()
		case <-c.session.Flowing():
			connected = true
			c.session.Started()
		case e := <-c.session.Events():
			c.publishState(e)
		case <-c.session.Viewer().Layouts():
			c.session.Viewer().SendLayout()
		case <-c.session.Viewer().Overdue():
			c.session.Viewer().Confirm()
		}
	}
}

// peerErr returns the reason why the peer connection is over. A client that closes its connection has left (RFC 9725, section
// 4.2).
func (c *client) peerErr() error {
	if err := c.session.Peer().Err(); err != nil {
		return err
	}
	return session.ErrLeft
}

// do lets the loop call request, and returns the error of request. If the session or ctx ends before that, do returns another
// error.
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

// notify publishes an event on the board of a viewer. It does nothing for a publisher.
func (c *client) notify(kind string, message any) {
	if c.board != nil {
		c.board.publish(kind, message)
	}
}

// publishState publishes the level of overload, if the level is new, and then the participants of the room.
func (c *client) publishState(e room.Event) {
	if m, isNew := c.session.Overload(e.Overload); isNew {
		c.notify(m.Type, m)
	}
	c.notify("participants", participants(e))
}
