package ws

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// session is one connection: at most one membership and one peer. All but candidates belongs to
// the goroutine of run.
type session struct {
	h      *Handler
	log    *slog.Logger
	pump   *pump
	caller caller

	candidates chan peer.Candidate // ours, from pion's goroutines

	member *room.Member // nil before join
	token  string       // that it joined with
	peer   *peer.Peer   // nil before the first offer

	answered bool // an offer was; another one is an ICE restart

	picture  *viewing.Picture
	overload int // as told last

	joinBy  <-chan time.Time // the last moment to join; nil once joined
	flowing <-chan struct{}  // nil once it was announced
}

// caller is who opened the connection.
type caller struct {
	remote string // host:port
	token  string // of the request; one in the join counts before it
	joined func() // tells the guard
}

// errLeft ends a session as the client wished; errGone ends one whose client may come back.
var (
	errLeft = errors.New("left")
	errGone = errors.New("gone")
)

func newSession(h *Handler, conn *websocket.Conn, from caller) *session {
	p := newPump(conn, h.ping)
	return &session{
		h: h, log: h.log.With("remote", from.remote), pump: p, caller: from, candidates: make(chan peer.Candidate, backlog),
		joinBy: time.After(h.joinWithin), picture: viewing.NewPicture(h.registry, p.tell),
	}
}

// run lives as long as the connection.
func (s *session) run(ctx context.Context) {
	s.pump.begin()
	code, reason := websocket.CloseInternalServerErr, codeInternal // unless the loop returns
	var err error
	defer func() {
		s.part(errors.Is(err, errLeft))
		s.pump.finish(code, reason)
	}()
	err = s.loop(ctx)
	if errors.Is(err, errLeft) || errors.Is(err, errGone) {
		code, reason = websocket.CloseNormalClosure, ""
		return
	}
	m := wire(err, s.log)
	s.pump.send(m) // a slow client may miss it
	code, reason = closeCode(m.Code), m.Code
}

// part frees in the order of the media: the connection first, then the place in the room, which waits a while
// for a client that did not say that it leaves.
func (s *session) part(leaves bool) {
	if s.peer != nil {
		if err := s.peer.Close(); err != nil {
			s.log.Warn("peer did not close well", "error", err)
		}
	}
	switch {
	case s.member == nil:
	case leaves:
		s.member.Leave()
	default:
		s.member.Lose()
	}
}

// loop handles one thing after the other until the session has a reason to end.
func (s *session) loop(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return refusal.New(room.CodeClosing, "the server is closing; accepted is a new connection later")
		case r, ok := <-s.pump.in:
			if !ok {
				return errGone
			}
			err = s.receive(ctx, r)
		case c := <-s.candidates:
			err = s.send(ourCandidate{"candidate", c})
		case e := <-s.events():
			err = s.event(e)
		case <-s.memberDone():
			return s.memberEnd()
		case <-s.peerDone():
			return s.peerEnd()
		case <-s.joinBy:
			return refusal.New(codeNotJoined, "no join within %v; accepted is a new connection that joins", s.h.joinWithin)
		case <-s.flowing:
			s.flowing = nil
			s.picture.Flow()
		case <-s.picture.Layouts():
			s.picture.ShowLayout()
		case <-s.picture.Demands():
			s.picture.ShowTile()
		case <-s.picture.Due():
			s.picture.Arrive()
		case <-s.pump.gone:
			return errGone
		}
		if err != nil {
			return err
		}
	}
}

// receive handles one message; its error ends the session, mistakes of the client do not.
func (s *session) receive(ctx context.Context, r received) error {
	switch {
	case r.fatal:
		var mistake *refusal.Error
		if errors.As(r.err, &mistake) {
			return r.err
		}
		s.log.Debug("connection ended", "error", r.err)
		return errGone
	case r.err != nil:
		return s.send(wire(r.err, s.log))
	}
	err := s.handle(ctx, r.message)
	if err == nil || errors.Is(err, errLeft) || errors.Is(err, errSlow) {
		return err
	}
	return s.send(wire(err, s.log))
}

var errSlow error = refusal.New(codeSlow, "%d messages were not read; accepted is a new connection that reads them", backlog)

func (s *session) send(message any) error {
	if !s.pump.send(message) {
		return errSlow
	}
	return nil
}

// handle does what one message says.
func (s *session) handle(ctx context.Context, message any) error {
	if err := s.inOrder(message); err != nil {
		return err
	}
	switch m := message.(type) {
	case joinMessage:
		return s.join(ctx, m)
	case offerMessage:
		return s.offer(m)
	case candidateMessage:
		return s.candidate(m)
	case viewMessage:
		return s.picture.Select(viewing.Selection(m))
	case defineMessage:
		return s.define(m)
	case muteMessage:
		s.member.Mute(m.Media)
	case leaveMessage:
		return errLeft
	case pingMessage:
		return s.send(pongMessage{"pong"})
	}
	return nil
}

// inOrder tells whether a message may come now.
func (s *session) inOrder(message any) error {
	switch message.(type) {
	case pingMessage, leaveMessage:
		return nil
	case joinMessage:
		if s.member != nil {
			return refusal.New(peer.CodeUnexpected, "a second join; accepted now: offer, candidate, view, define, mute, leave, ping; another room needs another connection")
		}
		return nil
	}
	if s.member == nil {
		return refusal.New(peer.CodeUnexpected, "not joined yet; accepted now: join, leave, ping")
	}
	return nil
}

// admit asks the guard, and returns the name that the token leaves.
func (s *session) admit(m joinMessage) (string, error) {
	needed := []auth.Grant{auth.View}
	if m.Publish.Audio || m.Publish.Video {
		needed = append(needed, auth.Publish)
	}
	permit, err := s.h.guard.Admit(auth.Ask{
		Token: cmp.Or(m.Token, s.caller.token), Room: m.Room, Grants: needed, Remote: s.caller.remote, Join: true,
	})
	if err != nil {
		return "", err
	}
	if m.Publish.Screen && permit.Name != "" && strings.TrimSpace(m.Name) == permit.Name+screenSuffix {
		return permit.Name + screenSuffix, nil
	}
	return permit.Named(m.Name)
}

// screenSuffix stands behind the name of one whose token has a name and who shares a screen besides.
const screenSuffix = " (screen)"

func (s *session) join(ctx context.Context, m joinMessage) error {
	name, err := s.admit(m)
	if err != nil {
		s.log.Debug("join refused", "room", viewing.Clip(m.Room), "error", err)
		return err
	}
	member, err := s.h.registry.Join(ctx, m.Room, room.Joining{
		Name: name, Key: m.Key, Kind: room.Peer, Screen: m.Publish.Screen, Layers: m.Publish.Layers,
		Publish: room.Media{Audio: m.Publish.Audio, Video: m.Publish.Video},
	})
	if err != nil {
		return err
	}
	if err := s.picture.Begin(member, m.Select); err != nil {
		member.Leave()
		return err
	}
	s.member, s.token, s.joinBy = member, cmp.Or(m.Token, s.caller.token), nil
	s.caller.joined()
	s.log = s.log.With("room", member.Room(), "id", member.ID())
	servers := append([]peer.ICEServer{}, s.h.engine.ICEServers(member.ID())...)
	if err := s.send(joinedMessage{"joined", member.ID(), member.Room(), servers, member.Participants()}); err != nil {
		return err
	}
	return s.tellOverload(member.Mixer().Overload())
}

// define gives a named view of the room another meaning, or makes or removes it, and tells which there are then.
func (s *session) define(m defineMessage) error {
	in := s.member.Room()
	_, err := s.h.guard.Admit(auth.Ask{Token: s.token, Room: in, Grants: []auth.Grant{auth.Admin}, Remote: s.caller.remote})
	if err != nil {
		return err
	}
	if len(m.As) == 0 || string(m.As) == "null" {
		err = s.h.registry.DeleteView(in, m.View)
	} else {
		var v mixer.View
		if v, err = viewing.ReadView("as", m.As); err == nil {
			err = s.h.registry.SetView(in, m.View, v)
		}
	}
	if err != nil {
		return err
	}
	info, err := s.h.registry.Info(in)
	if err != nil {
		return err
	}
	return s.send(viewsMessage{"views", info.Views})
}

func (s *session) offer(m offerMessage) error {
	if s.peer == nil {
		s.peer = s.newPeer()
	}
	if s.answered {
		return s.restart(m)
	}
	answer, err := s.peer.Answer(m.SDP)
	if err != nil {
		return err
	}
	s.answered, s.flowing = true, s.peer.Flowing()
	return s.send(answerMessage{"answer", answer})
}

// restart answers an ICE restart; that the candidates come once more, one by one, does no harm.
func (s *session) restart(m offerMessage) error {
	answer, err := s.peer.Restart(m.SDP)
	if err != nil {
		return err
	}
	return s.send(answerMessage{"answer", answer})
}

func (s *session) newPeer() *peer.Peer {
	m := s.member
	publish := m.Publish()
	p := s.h.engine.NewPeer(peer.Options{
		Mixer: m.Mixer(), Upstream: m, Own: m.Source(), Audio: publish.Audio, Video: publish.Video,
		OnCandidate: s.trickle, View: s.picture.Watching(), OnLayout: s.picture.PutLayout,
	}, s.log)
	s.picture.Connect(p)
	m.OnRefresh(p.RequestKeyframe)
	m.OnDemand(func(d mixer.Demand) {
		p.Demand(d)
		s.picture.PutDemand(d)
	})
	return p
}

// event tells what changed in the room.
func (s *session) event(e room.Event) error {
	if err := s.tellOverload(e.Overload); err != nil {
		return err
	}
	return s.send(viewing.Participants{Type: "participants", Participants: e.Participants})
}

// tellOverload tells how far the room is degraded, when that is new.
func (s *session) tellOverload(level int) error {
	if level == s.overload {
		return nil
	}
	s.overload = level
	return s.send(viewing.Overload{Type: "overload", Level: level})
}

// trickle queues a candidate of ours; a server has far fewer addresses than there is room for.
func (s *session) trickle(c peer.Candidate) {
	select {
	case s.candidates <- c:
	default:
		s.log.Warn("candidate dropped", "candidate", c.Candidate)
	}
}

func (s *session) candidate(m candidateMessage) error {
	if s.peer == nil {
		return refusal.New(peer.CodeUnexpected, "a candidate before the offer; accepted now: offer, view, define, mute, leave, ping")
	}
	return s.peer.AddCandidate(m.Candidate)
}

// The channels below are nil, and never ready, while there is nothing to wait for.

func (s *session) events() <-chan room.Event {
	if s.member == nil {
		return nil
	}
	return s.member.Events()
}

func (s *session) memberDone() <-chan struct{} {
	if s.member == nil {
		return nil
	}
	return s.member.Done()
}

func (s *session) peerDone() <-chan struct{} {
	if s.peer == nil {
		return nil
	}
	return s.peer.Done()
}

func (s *session) memberEnd() error {
	if err := s.member.Err(); err != nil {
		return err
	}
	return errLeft
}

// peerEnd: a client that closed its peer connection is gone, unless it says that it leaves.
func (s *session) peerEnd() error {
	if err := s.peer.Err(); err != nil {
		return err
	}
	return s.lastWord()
}

// parting is how long a client that closed its peer connection has to say that it leaves.
const parting = time.Second

// lastWord waits for it: clients say it right before they close, and which of the two arrives first is chance.
func (s *session) lastWord() error {
	late := time.After(parting)
	for {
		select {
		case r, ok := <-s.pump.in:
			if _, leaves := r.message.(leaveMessage); leaves {
				return errLeft
			}
			if !ok || r.fatal {
				return errGone
			}
		case <-s.pump.gone:
			return errGone
		case <-late:
			return errGone
		}
	}
}
