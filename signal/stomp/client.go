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

// The limits of the data that a client sends, as token buckets. In a mesh room the bursts are smaller, see meshBurst. For
// example, ten clients of a mesh room, each of which sends a dozen candidates to each other client, stay below these limits.
const (
	messageRate  = 50        // messages a second
	messageBurst = 500       // messages
	byteRate     = 256 << 10 // bytes a second
	byteBurst    = 4 << 20   // bytes
)

// client is one SockJS session. Only the goroutine of run uses it. The method enqueue is an exception: the broker calls it
// from the goroutine of any client.
type client struct {
	h    *Handler
	log  *slog.Logger
	pump *pump
	id   string // random; also the user name for TURN

	remote    string // the client's address, host:port
	token     string // of the HTTP request; a token in CONNECT has precedence
	lobby     *lobby
	name      string // from CONNECT; may be empty
	version   version
	connected bool // CONNECT was accepted
	decoder   decoder
	messages  *xrate.Limiter // of received messages
	bytes     *xrate.Limiter // of received bytes

	subs   []subscription
	me     identity // zero before the first subscription with a key
	mix    *mixing  // nil if the client has not subscribed for a room that mixes
	mesh   *mesh    // nil if the client is not in a mesh room
	number uint64   // of the last MESSAGE frame

	called  bool // the client has sent call/key
	keySent bool // the server has answered call/key

	heart heart
	due   <-chan time.Time // fires when the time limit for CONNECT or for entering a room is over; nil: no limit, see checkLobby

	relayed chan relayed  // messages from the broker
	flooded chan struct{} // closed by enqueue when relayed is full
}

// identity is a client's key and the room that the key is for.
type identity struct{ key, room string }

// Refusals that several functions return.
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

// run serves the SockJS session. It closes the session before it returns.
func (c *client) run(ctx context.Context) {
	c.pump.start()
	err := errors.New("the loop broke") // used if the loop panics
	defer func() {
		c.leaveRoom(err)
		c.heart.stop()
		code, text := c.sendReason(err)
		c.pump.finish(code, text)
	}()
	err = c.loop(ctx)
}

// sendReason sends an ERROR frame with the reason for which the session ends, unless the client has ended it. It returns the
// code and the text with which the SockJS session must be closed.
func (c *client) sendReason(err error) (code uint32, text string) {
	if errors.Is(err, session.ErrLeft) || errors.Is(err, session.ErrGone) {
		return closeCode(""), "bye"
	}
	var failed frameError
	if errors.As(err, &failed) {
		err = failed.err
	}
	r := refusalFor(err, c.log)
	c.log.Info("session refused", "code", r.Code, "message", r.Message)
	c.pump.send(errorFrame(r, failed.more).encode(c.version)) // dropped if the queue is full
	return closeCode(r.Code), r.Code
}

// loop handles one event after the other. It returns the reason for which the session must end.
func (c *client) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return errClosing
		case m, ok := <-c.pump.incoming:
			if !ok {
				return session.ErrGone
			}
			err = c.receive(ctx, m)
		case <-c.pump.bounds.exceeded:
			return refusal.New(codeTooLarge, "a message of more than %d bytes; accepted are up to that", maxMessage)
		case <-c.pump.writerDone:
			return session.ErrGone
		case <-c.due:
			return c.timeoutError()
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
		case <-c.mix.offerDue():
			err = c.mix.makeOffer(ctx)
		}
		if err == nil {
			err = c.checkLobby()
		}
		if err != nil {
			return err
		}
	}
}

// timeoutError returns the refusal of a client for which the time limit due is over.
func (c *client) timeoutError() error {
	if !c.connected {
		return refusal.New(codeNotJoined, "no CONNECT within %v; accepted is a new connection that sends it", c.h.cfg.JoinWithin)
	}
	return refusal.New(codeNotJoined, "no offer, and no subscription to /topic/peer/offer/{key}/{room}, within %v; accepted is a new connection", 10*c.h.cfg.JoinWithin)
}

// receive handles one SockJS message, which contains a part of a frame, one frame, or several frames. The message counts as one
// message for the rate limit. Each further frame in it counts as another message.
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

// handle executes one frame of the client. If the frame has the header receipt, handle sends a RECEIPT frame afterwards.
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

// command executes one frame of the client, without its receipt.
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
		return nil // no effect, because the server never repeats a message
	case "BEGIN", "COMMIT", "ABORT":
		return refusal.New(codeUnsupported, "%s: accepted are frames outside of transactions", f.command)
	}
	return refusal.New(codeBadFrame, "command %q; accepted are CONNECT, STOMP, SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, DISCONNECT", clip(f.command))
}

// handleSend executes a SEND frame.
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
	case d.topic == topicCall: // the client is in no room yet; mixing.sendKey answers later
		c.called, c.keySent = true, false
		return nil
	case d.topic == topicKey:
		return nil
	}
	return refusal.New(codeUnexpected, "SEND to %s before a subscription to /topic/%s/{own key}/{room}; accepted after it", clip(f.headers.get("destination")), topicAnswer)
}

// write queues a frame for the client. It returns errSlow if the queue is full.
func (c *client) write(f frame) error { return c.send(f.encode(c.version)) }

func (c *client) send(message string) error {
	if !c.pump.send(message) {
		return errSlow
	}
	return nil
}

// leaveRoom removes the client from its room. cause is the reason, as for [session.Session.Close].
func (c *client) leaveRoom(cause error) {
	if c.mesh != nil {
		c.h.broker.remove(c.me.room, c)
	}
	if s := c.session(); s != nil {
		s.Close(cause)
	}
	c.mix, c.mesh, c.me, c.called = nil, nil, identity{}, false
}

// session returns the client's session, or nil if the client has not subscribed with a key. A nil session is in no room.
func (c *client) session() *session.Session {
	switch {
	case c.mix != nil:
		return c.mix.session
	case c.mesh != nil:
		return c.mesh.session
	}
	return nil
}

// event handles an event of the room. It does nothing in a mesh room, because clients of a mesh room get no such messages.
func (c *client) event(e room.Event) error {
	if c.mix == nil {
		return nil
	}
	return c.mix.event(e)
}
