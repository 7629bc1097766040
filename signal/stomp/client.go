package stomp

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"time"

	xrate "golang.org/x/time/rate"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
)

// The limits of what a client sends, as token buckets. In a mesh room the bursts are smaller, see meshBurst. Ten
// clients of a mesh that send each other a dozen candidates each stay below these limits.
const (
	messageRate  = 50 // a second
	messageBurst = 500
	byteRate     = 256 << 10 // a second
	byteBurst    = 4 << 20
)

// client is one SockJS session. Only the goroutine of run uses it, except that the broker calls enqueue.
type client struct {
	h    *Handler
	log  *slog.Logger
	pump *pump
	id   string

	remote, token string
	lobby         *lobby
	name          string // from CONNECT
	version       version
	connected     bool
	decoder       decoder
	messages      *xrate.Limiter
	bytes         *xrate.Limiter

	subs   []subscription
	me     identity // zero before the first subscription with a key
	mix    *mixing  // in a room that mixes; else nil
	mesh   *mesh    // in a mesh room; else nil
	number uint64   // of the last MESSAGE

	called, keySent bool // the client sent call/key; the server sent the answer

	heart heart
	due   <-chan time.Time // fires if CONNECT, or later entering a room, takes too long; nil: no limit, see checkLobby

	relayed chan relayed  // from the broker
	flooded chan struct{} // closed when relayed was full
}

// identity is a client's key and its room.
type identity struct{ key, room string }

// Refusals that are made in several places.
var (
	errSlow    error = refusal.New(codeSlow, "%d frames were not read; accepted is a new connection that reads them", backlog)
	errTooFast error = refusal.New(auth.CodeTooMany, "more than %d messages or %d bytes a second; accepted is less than that", messageRate, byteRate)
	errClosing error = refusal.New(room.CodeClosing, "the server is closing; accepted is a new connection later")
)

func newClient(h *Handler, p *pump, waiting *lobby, r *http.Request, log *slog.Logger) *client {
	return &client{
		h: h, log: log, pump: p, id: rand.Text()[:16], lobby: waiting, remote: r.RemoteAddr, token: auth.TokenOf(r), version: v10,
		messages: xrate.NewLimiter(messageRate, messageBurst), bytes: xrate.NewLimiter(byteRate, byteBurst),
		due: time.After(h.cfg.JoinWithin), relayed: make(chan relayed, backlog), flooded: make(chan struct{}),
	}
}

// run serves the SockJS session, and returns after it has closed it.
func (c *client) run(ctx context.Context) {
	c.pump.start()
	err := errors.New("the loop broke") // for a panic of the loop
	defer func() {
		c.leaveRoom(err)
		c.heart.stop()
		code, why := c.sendReason(err)
		c.pump.finish(code, why)
	}()
	err = c.loop(ctx)
}

// sendReason sends an ERROR frame, unless the client ended the session. It returns the code and the reason with which
// SockJS is to be closed.
func (c *client) sendReason(err error) (code uint32, why string) {
	if errors.Is(err, session.ErrLeft) || errors.Is(err, session.ErrGone) {
		return closeCode(""), "bye"
	}
	var failed frameError
	if errors.As(err, &failed) {
		err = failed.err
	}
	r := reason(err, c.log)
	c.log.Info("session refused", "code", r.Code, "message", r.Message)
	c.pump.send(errorFrame(r, failed.more).encode(c.version)) // a slow client may miss it
	return closeCode(r.Code), r.Code
}

// loop handles one event after the other. It returns the reason why the session must end.
func (c *client) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return errClosing
		case m, ok := <-c.pump.in:
			if !ok {
				return session.ErrGone
			}
			err = c.receive(ctx, m)
		case <-c.pump.bounds.exceeded:
			return refusal.New(codeTooLarge, "a message of more than %d bytes; accepted are up to that", maxMessage)
		case <-c.pump.gone:
			return session.ErrGone
		case <-c.due:
			return c.late()
		case <-c.heart.beats():
			err = c.send("\n")
		case <-c.heart.checks():
			err = c.heart.check()
		case m := <-c.relayed:
			err = c.relay(m)
		case <-c.flooded:
			return errSlow
		case e := <-c.session().Events():
			err = c.event(e)
		case <-c.session().Done():
			return c.session().Err()
		case candidate := <-c.session().Candidates():
			err = c.mix.sendCandidate(candidate)
		case <-c.session().Viewer().Layouts():
			err = c.mix.sendLayout()
		case <-c.session().PeerDone():
			c.mix.afterPeer()
		case <-c.mix.callDue():
			err = c.mix.call(ctx)
		}
		if err == nil {
			err = c.checkLobby()
		}
		if err != nil {
			return err
		}
	}
}

func (c *client) late() error {
	if !c.connected {
		return refusal.New(codeNotJoined, "no CONNECT within %v; accepted is a new connection that sends it", c.h.cfg.JoinWithin)
	}
	return refusal.New(codeNotJoined, "no offer, and no subscription to /topic/peer/offer/{key}/{room}, within %v; accepted is a new connection", 10*c.h.cfg.JoinWithin)
}

// receive handles one message of SockJS: a part of a frame, a frame, or several frames. For the rate limit the message
// counts as one, and every frame in it after the first one counts as another message.
func (c *client) receive(ctx context.Context, message string) error {
	c.heart.heard()
	if !c.messages.Allow() || !c.bytes.AllowN(time.Now(), len(message)) {
		return errTooFast
	}
	c.decoder.write(message)
	for first := true; ; first = false {
		f, err := c.decoder.next()
		switch {
		case f == nil || err != nil:
			return err
		case ctx.Err() != nil:
			return errClosing
		case !first && !c.messages.Allow():
			return errTooFast
		}
		if err := c.handle(ctx, f); err != nil {
			return err
		}
	}
}

// handle executes one frame, and sends a RECEIPT frame if the frame has the header receipt.
func (c *client) handle(ctx context.Context, f *frame) error {
	receipt := f.headers.get("receipt")
	err := c.command(ctx, f)
	switch {
	case receipt == "" || f.command == "CONNECT" || f.command == "STOMP":
		return err
	case err != nil && !errors.Is(err, session.ErrLeft):
		return frameError{err, headers{{"receipt-id", receipt}}}
	}
	if failed := c.write(frame{"RECEIPT", headers{{"receipt-id", receipt}}, ""}); failed != nil {
		return failed
	}
	return err
}

func (c *client) command(ctx context.Context, f *frame) error {
	first := f.command == "CONNECT" || f.command == "STOMP"
	if first == c.connected {
		return refusal.New(codeUnexpected, "%s: accepted is CONNECT first, and once", clip(f.command))
	}
	switch f.command {
	case "CONNECT", "STOMP":
		return c.connect(f)
	case "SEND":
		return c.handleSend(ctx, f)
	case "SUBSCRIBE":
		return c.subscribe(ctx, f)
	case "UNSUBSCRIBE":
		c.unsubscribe(f)
		return nil
	case "DISCONNECT":
		return session.ErrLeft
	case "ACK", "NACK":
		return nil // acknowledgements have no effect: the server never repeats a message
	case "BEGIN", "COMMIT", "ABORT":
		return refusal.New(codeUnsupported, "%s: accepted are frames outside of transactions", f.command)
	}
	return refusal.New(codeBadFrame, "command %q; accepted are CONNECT, STOMP, SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, DISCONNECT", clip(f.command))
}

// handleSend executes a SEND.
func (c *client) handleSend(ctx context.Context, f *frame) error {
	if f.headers.get("transaction") != "" {
		return refusal.New(codeUnsupported, "SEND in a transaction; accepted are frames outside of transactions")
	}
	d, ok := parseDestination(f.headers.get("destination"), toServer)
	if !ok {
		return refusal.New(codeBadFrame, "SEND to destination %q; accepted are those below %s", clip(f.headers.get("destination")), toServer)
	}
	switch {
	case d.topic == topicUnknown:
		c.log.Debug("frame for nobody", "destination", clip(f.headers.get("destination")))
		return nil
	case c.mesh != nil:
		return c.mesh.handleSend(d, f)
	case c.mix != nil:
		return c.mix.handleSend(ctx, d, f)
	case d.topic == topicCall: // answered after the client has entered a room
		c.called, c.keySent = true, false
		return nil
	case d.topic == topicKey:
		return nil
	}
	return refusal.New(codeUnexpected, "SEND to %s before a subscription to /topic/%s/{own key}/{room}; accepted after it", clip(f.headers.get("destination")), topicAnswer)
}

func (c *client) write(f frame) error { return c.send(f.encode(c.version)) }

func (c *client) send(message string) error {
	if !c.pump.send(message) {
		return errSlow
	}
	return nil
}

// leaveRoom takes the client out of its room, for the reason why.
func (c *client) leaveRoom(why error) {
	if c.mesh != nil {
		c.h.broker.remove(c.me.room, c)
	}
	if s := c.session(); s != nil {
		s.Close(why)
	}
	c.mix, c.mesh, c.me, c.called = nil, nil, identity{}, false
}

// session returns the session of the client in its room, or nil if the client has entered none.
func (c *client) session() *session.Session {
	switch {
	case c.mix != nil:
		return c.mix.session
	case c.mesh != nil:
		return c.mesh.session
	}
	return nil
}

// event handles an event of the room. It does nothing in a mesh room, whose clients get no state of the room.
func (c *client) event(e room.Event) error {
	if c.mix == nil {
		return nil
	}
	return c.mix.event(e)
}
