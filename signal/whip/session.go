package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// session is what a POST made: a membership and a peer. Above the line everything is fixed when its loop begins; what
// is below belongs to the loop.
type session struct {
	h        *Handler
	log      *slog.Logger
	id       string // secret: who knows it, and has a token, may end the session
	location string
	grant    auth.Grant // that it was begun with, and needs
	name     string     // in its URL; empty for viewers
	member   *room.Member
	peer     *peer.Peer
	board    *board // nil for publishers

	ctx  context.Context // ends with the session or the handler, for the reason that is its cause
	stop context.CancelCauseFunc
	asks chan func()
	done chan struct{} // closed when all is freed

	ice      icing
	picture  *viewing.Picture // nil for publishers
	overload int              // as told last
}

// errLeft ends a session as its client wished.
var errLeft = errors.New("left")

// gatherWithin bounds how long our own candidates may take; they take milliseconds.
const gatherWithin = 5 * time.Second

func (h *Handler) newSession(m *room.Member, grant auth.Grant, endpoint string) *session {
	id := rand.Text()
	s := &session{
		h: h, log: h.log.With("room", m.Room(), "id", m.ID()), id: id, location: endpoint + "/" + id,
		grant: grant, member: m, asks: make(chan func()), done: make(chan struct{}),
	}
	s.ctx, s.stop = context.WithCancelCause(h.ctx)
	return s
}

// connect makes the peer and answers the offer with all our candidates.
func (s *session) connect(r *http.Request, offer string, opts peer.Options) (string, error) {
	opts.Mixer, opts.SoundAlone = s.member.Mixer(), true
	s.peer = s.h.engine.NewPeer(opts, s.log)
	if _, err := s.peer.Answer(offer); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherWithin)
	defer cancel()
	answer, err := s.peer.Gather(ctx)
	if err != nil {
		return "", fmt.Errorf("answer the offer: %w", err)
	}
	if s.ice, err = newICing(offer); err != nil {
		return "", err
	}
	return ordered(answer, r)
}

// run lives as long as the session.
func (s *session) run() {
	err := s.loop()
	s.h.forget(s)
	s.stop(err)
	if s.board != nil {
		s.board.end(reason(err, s.log))
	}
	s.part(errors.Is(err, errLeft))
	close(s.done)
}

// part frees in the order of the media: the connection first, then the place in the room, which waits a while
// for a publisher that did not say that it leaves.
func (s *session) part(leaves bool) {
	if s.peer != nil {
		if err := s.peer.Close(); err != nil {
			s.log.Warn("peer did not close well", "error", err)
		}
	}
	if leaves {
		s.member.Leave()
	} else {
		s.member.Lose()
	}
}

// loop handles one thing after the other until the session has a reason to end.
func (s *session) loop() error {
	connected, flowing, connectBy := false, s.peer.Flowing(), time.After(s.h.cfg.ConnectWithin)
	for {
		select {
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-s.member.Done():
			return ended(s.member.Err())
		case <-s.peer.Done():
			return ended(s.peer.Err())
		case <-connectBy:
			if !connected {
				return refusal.New(codeNotConnected, "no connection within %v; accepted is another POST", s.h.cfg.ConnectWithin)
			}
		case ask := <-s.asks:
			ask()
		case <-flowing:
			connected, flowing = true, nil
			s.flow()
		case e := <-s.member.Events():
			s.event(e)
		case <-s.layouts():
			s.picture.ShowLayout()
		case <-s.due():
			s.picture.Arrive()
		}
	}
}

// ended is the reason of an end that the room or the client brought about: both may do so without an error, and
// a client that closes its connection leaves (RFC 9725, section 4.2).
func ended(err error) error {
	if err == nil {
		return errLeft
	}
	return err
}

// do runs ask in the loop and waits for it; an error that is not ask's says that the session is over.
func (s *session) do(ctx context.Context, ask func() error) error {
	reply := make(chan error, 1)
	select {
	case s.asks <- func() { reply <- ask() }:
		return <-reply
	case <-s.ctx.Done():
		return errGone()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell is for what a viewer's events are; publishers have none.
func (s *session) tell(kind string, message any) {
	if s.board != nil {
		s.board.tell(kind, message)
	}
}

func (s *session) flow() {
	if s.picture != nil {
		s.picture.Flow()
	}
}

// event tells what changed in the room.
func (s *session) event(e room.Event) {
	s.tellOverload(e.Overload)
	s.tell("participants", viewing.Participants{Type: "participants", Participants: e.Participants})
}

// tellOverload tells how far the room is degraded, when that is new.
func (s *session) tellOverload(level int) {
	if level != s.overload {
		s.overload = level
		s.tell("overload", viewing.Overload{Type: "overload", Level: level})
	}
}

// The channels below are nil, and never ready, while there is nothing to wait for.

func (s *session) layouts() <-chan struct{} {
	if s.picture == nil {
		return nil
	}
	return s.picture.Layouts()
}

func (s *session) due() <-chan time.Time {
	if s.picture == nil {
		return nil
	}
	return s.picture.Due()
}

// upstream connects what the mixer wants to who sends.
func (s *session) upstream() {
	s.member.OnRefresh(s.peer.RequestKeyframe)
	s.member.OnDemand(func(d mixer.Demand) { s.peer.Demand(d) })
}
