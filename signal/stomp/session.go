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
)

// How much a client may say: that much at once, less in a mesh room, and then so much a second. A mesh of ten, each with a
// dozen candidates for every other, fits.
const (
	messageRate  = 50
	messageBurst = 500
	byteRate     = 256 << 10
	byteBurst    = 4 << 20
)

// session is one client. All belongs to the goroutine of run, but for what the broker calls.
type session struct {
	h    *Handler
	log  *slog.Logger
	line *line
	id   string

	remote, token string
	door          *door
	name          string // as asked for
	version       version
	connected     bool
	decoder       decoder
	messages      *xrate.Limiter
	bytes         *xrate.Limiter

	subs   []subscription
	me     identity // zero before the first subscription that tells
	mix    *mixing  // in a room that mixes; else nil
	mesh   *mesh    // in a mesh room; else nil
	number uint64   // of the last MESSAGE

	asked, answered bool // who is there, since there was no room or in this one

	heart heart
	due   <-chan time.Time // the last moment for the next step; nil: there is none, see stand

	relayed chan relayed  // from the broker
	flooded chan struct{} // closed when there was no room in it
}

// identity is who the client is, and where.
type identity struct{ key, room string }

// errLeft ends a session as the client wished; errGone ends one whose client may come back.
var (
	errLeft = errors.New("left")
	errGone = errors.New("gone")
)

// What many say the same way.
var (
	errSlow    error = refusal.New(codeSlow, "%d frames were not read; accepted is a new connection that reads them", backlog)
	errTooFast error = refusal.New(auth.CodeTooMany, "more than %d messages or %d bytes a second; accepted is less than that", messageRate, byteRate)
	errClosing error = refusal.New(room.CodeClosing, "the server is closing; accepted is a new connection later")
)

func newSession(h *Handler, l *line, at *door, r *http.Request, log *slog.Logger) *session {
	return &session{
		h: h, log: log, line: l, id: rand.Text()[:16], door: at, remote: r.RemoteAddr, token: auth.TokenOf(r), version: v10,
		messages: xrate.NewLimiter(messageRate, messageBurst), bytes: xrate.NewLimiter(byteRate, byteBurst),
		due: time.After(h.cfg.JoinWithin), relayed: make(chan relayed, backlog), flooded: make(chan struct{}),
	}
}

// run lives as long as the SockJS session.
func (s *session) run(ctx context.Context) {
	s.line.begin()
	err := errors.New("the loop broke") // unless it returns
	defer func() {
		s.exit(errors.Is(err, errLeft))
		s.heart.stop()
		code, why := s.farewell(err)
		s.line.finish(code, why)
	}()
	err = s.loop(ctx)
}

// farewell says why, as far as there is something to say, and how to close.
func (s *session) farewell(err error) (code uint32, why string) {
	if errors.Is(err, errLeft) || errors.Is(err, errGone) {
		return closeCode(""), "bye"
	}
	var failed frameError
	if errors.As(err, &failed) {
		err = failed.err
	}
	r := reason(err, s.log)
	s.log.Info("session refused", "code", r.Code, "message", r.Message)
	s.line.send(errorFrame(r, failed.more).encode(s.version)) // a slow client may miss it
	return closeCode(r.Code), r.Code
}

// loop handles one thing after the other until the session has a reason to end.
func (s *session) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return errClosing
		case m, ok := <-s.line.in:
			if !ok {
				return errGone
			}
			err = s.receive(ctx, m)
		case <-s.line.lane.over:
			return refusal.New(codeTooLarge, "a message of more than %d bytes; accepted are up to that", maxMessage)
		case <-s.line.gone:
			return errGone
		case <-s.due:
			return s.late()
		case <-s.heart.beats():
			err = s.send("\n")
		case <-s.heart.checks():
			err = s.heart.check()
		case m := <-s.relayed:
			err = s.passOn(m)
		case <-s.flooded:
			return errSlow
		case e := <-s.events():
			err = s.mix.event(e)
		case <-s.memberDone():
			return s.memberEnd()
		case c := <-s.mix.trickled():
			err = s.mix.tellCandidate(c)
		case <-s.mix.layouts():
			err = s.mix.showLayout()
		case <-s.mix.peerDone():
			s.mix.hangUp()
		case <-s.mix.waited():
			err = s.mix.call(ctx)
		}
		if err == nil {
			err = s.stand()
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) late() error {
	if !s.connected {
		return refusal.New(codeNotJoined, "no CONNECT within %v; accepted is a new connection that sends it", s.h.cfg.JoinWithin)
	}
	return refusal.New(codeNotJoined, "no offer, and no subscription to /topic/peer/offer/{key}/{room}, within %v; accepted is a new connection", 10*s.h.cfg.JoinWithin)
}

// receive takes one message of SockJS, which is a part of a frame, or one, or several. It takes one of what the client
// may say at once, and so does each frame but the first in it: neither many parts nor many frames are for nothing.
func (s *session) receive(ctx context.Context, message string) error {
	s.heart.heard()
	if !s.messages.Allow() || !s.bytes.AllowN(time.Now(), len(message)) {
		return errTooFast
	}
	s.decoder.put(message)
	for first := true; ; first = false {
		f, err := s.decoder.next()
		switch {
		case f == nil || err != nil:
			return err
		case ctx.Err() != nil:
			return errClosing
		case !first && !s.messages.Allow():
			return errTooFast
		}
		if err := s.handle(ctx, f); err != nil {
			return err
		}
	}
}

// handle does what one frame says, and tells that it was done if that is wanted.
func (s *session) handle(ctx context.Context, f *frame) error {
	receipt := f.headers.get("receipt")
	err := s.command(ctx, f)
	switch {
	case receipt == "" || f.command == "CONNECT" || f.command == "STOMP":
		return err
	case err != nil && !errors.Is(err, errLeft):
		return frameError{err, headers{{"receipt-id", receipt}}}
	}
	if failed := s.write(frame{"RECEIPT", headers{{"receipt-id", receipt}}, ""}); failed != nil {
		return failed
	}
	return err
}

func (s *session) command(ctx context.Context, f *frame) error {
	first := f.command == "CONNECT" || f.command == "STOMP"
	if first == s.connected {
		return refusal.New(codeUnexpected, "%s: accepted is CONNECT first, and once", clip(f.command))
	}
	switch f.command {
	case "CONNECT", "STOMP":
		return s.connect(f)
	case "SEND":
		return s.take(ctx, f)
	case "SUBSCRIBE":
		return s.subscribe(ctx, f)
	case "UNSUBSCRIBE":
		s.unsubscribe(f)
		return nil
	case "DISCONNECT":
		return errLeft
	case "ACK", "NACK":
		return nil // nothing is sent twice
	case "BEGIN", "COMMIT", "ABORT":
		return refusal.New(codeUnsupported, "%s: accepted are frames outside of transactions", f.command)
	}
	return refusal.New(codeBadFrame, "command %q; accepted are CONNECT, STOMP, SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, DISCONNECT", clip(f.command))
}

// take handles a SEND.
func (s *session) take(ctx context.Context, f *frame) error {
	if f.headers.get("transaction") != "" {
		return refusal.New(codeUnsupported, "SEND in a transaction; accepted are frames outside of transactions")
	}
	d, ok := parseDestination(f.headers.get("destination"), toServer)
	if !ok {
		return refusal.New(codeBadFrame, "SEND to destination %q; accepted are those below %s", clip(f.headers.get("destination")), toServer)
	}
	switch {
	case d.topic == topicUnknown:
		s.log.Debug("frame for nobody", "destination", clip(f.headers.get("destination")))
		return nil
	case s.mesh != nil:
		return s.mesh.take(d, f)
	case s.mix != nil:
		return s.mix.take(ctx, d, f)
	case d.topic == topicCall: // the room that comes tells who is there
		s.asked, s.answered = true, false
		return nil
	case d.topic == topicKey:
		return nil
	}
	return refusal.New(codeUnexpected, "SEND to %s before a subscription to /topic/%s/{own key}/{room}; accepted after it", clip(f.headers.get("destination")), topicAnswer)
}

func (s *session) write(f frame) error { return s.send(f.encode(s.version)) }

func (s *session) send(message string) error {
	if !s.line.send(message) {
		return errSlow
	}
	return nil
}

// exit ends what the client has in its room.
func (s *session) exit(leaves bool) {
	if s.mix != nil {
		s.mix.close(leaves)
	}
	if s.mesh != nil {
		s.mesh.close(leaves)
	}
	s.mix, s.mesh, s.me, s.asked = nil, nil, identity{}, false
}

// member is the client's membership, nil while it has none.
func (s *session) member() *room.Member {
	switch {
	case s.mix != nil:
		return s.mix.member
	case s.mesh != nil:
		return s.mesh.member
	}
	return nil
}

// The channels below are nil, and never ready, while there is nothing to wait for.

func (s *session) events() <-chan room.Event {
	if m := s.member(); m != nil {
		return m.Events()
	}
	return nil
}

func (s *session) memberDone() <-chan struct{} {
	if m := s.member(); m != nil {
		return m.Done()
	}
	return nil
}

func (s *session) memberEnd() error {
	if err := s.member().Err(); err != nil {
		return err
	}
	return errLeft
}
