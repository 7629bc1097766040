package ws

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/mixer"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// session is one connection: at most one membership and one peer. All but candidates belongs to
// the goroutine of run.
type session struct {
	h    *Handler
	log  *slog.Logger
	pump *pump

	candidates chan peer.Candidate // ours, from pion's goroutines

	member *room.Member // nil before join
	peer   *peer.Peer   // nil before the first offer

	joinBy  <-chan time.Time // the last moment to join; nil once joined
	flowing <-chan struct{}  // nil once it was announced
}

// errLeft ends a session as the client wished.
var errLeft = errors.New("left")

func newSession(h *Handler, conn *websocket.Conn, log *slog.Logger) *session {
	return &session{
		h: h, log: log, pump: newPump(conn, h.ping), candidates: make(chan peer.Candidate, backlog),
		joinBy: time.After(h.joinWithin),
	}
}

// run lives as long as the connection.
func (s *session) run(ctx context.Context) {
	s.pump.begin()
	code, reason := websocket.CloseInternalServerErr, codeInternal // unless the loop returns
	defer func() {
		s.leave()
		s.pump.finish(code, reason)
	}()
	err := s.loop(ctx)
	if errors.Is(err, errLeft) {
		code, reason = websocket.CloseNormalClosure, ""
		return
	}
	m := wire(err, s.log)
	s.pump.send(m) // a slow client may miss it
	code, reason = closeCode(m.Code), m.Code
}

// leave frees in the order of the media: the connection first, then the place in the room.
func (s *session) leave() {
	if s.peer != nil {
		if err := s.peer.Close(); err != nil {
			s.log.Warn("peer did not close well", "error", err)
		}
	}
	if s.member != nil {
		s.member.Leave()
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
				return errLeft
			}
			err = s.receive(ctx, r)
		case c := <-s.candidates:
			err = s.send(ourCandidate{"candidate", c})
		case e := <-s.events():
			err = s.send(participantsMessage{"participants", e.Participants})
		case <-s.memberDone():
			return s.memberEnd()
		case <-s.peerDone():
			return s.peerEnd()
		case <-s.joinBy:
			return refusal.New(codeNotJoined, "no join within %v; accepted is a new connection that joins", s.h.joinWithin)
		case <-s.flowing:
			s.flowing = nil
			err = s.sendRendition()
		case <-s.pump.gone:
			return errLeft
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
		return errLeft
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
		return s.view(m)
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
			return refusal.New(codeUnexpected, "a second join; accepted now: offer, candidate, view, mute, leave, ping; another room needs another connection")
		}
		return nil
	}
	if s.member == nil {
		return refusal.New(codeUnexpected, "not joined yet; accepted now: join, leave, ping")
	}
	return nil
}

func (s *session) join(ctx context.Context, m joinMessage) error {
	if err := checkView(m.View, m.Rung); err != nil {
		return err
	}
	member, err := s.h.house.Join(ctx, m.Room, room.Joining{Name: m.Name, Key: m.Key, Kind: room.Peer, Publish: m.Publish})
	if err != nil {
		return err
	}
	s.member, s.joinBy = member, nil
	s.log = s.log.With("room", member.Room(), "id", member.ID())
	servers := slices.Concat([]peer.ICEServer{}, s.h.engine.ICEServers())
	return s.send(joinedMessage{"joined", member.ID(), member.Room(), servers, member.Participants()})
}

// rungs are all words for a size. The canvas is the only size there is: it serves them all.
var rungs = []string{"auto", "1080p", "720p", "360p", "180p"} // a constant table

// checkView accepts what this server can show.
func checkView(view, rung string) error {
	if view != "" && view != "main" {
		return refusal.New(codeUnsupported, "view %q; accepted: main", clip(view))
	}
	if rung != "" && !slices.Contains(rungs, rung) {
		return refusal.New(codeUnsupported, "rung %q; accepted: %s", clip(rung), strings.Join(rungs, ", "))
	}
	return nil
}

func (s *session) view(m viewMessage) error {
	if m.Spotlight != "" || m.Exclude != "" || len(m.Layout) > 0 {
		return refusal.New(codeUnsupported, "spotlight, exclude and layout; accepted: view main")
	}
	if err := checkView(m.View, m.Rung); err != nil {
		return err
	}
	if s.peer != nil && s.peer.NoPicture() {
		return refusal.New(codeUnexpected, "a view for a client that receives no picture; accepted on a connection whose offer receives video")
	}
	return s.sendRendition()
}

func (s *session) offer(m offerMessage) error {
	if s.peer == nil {
		s.peer = s.newPeer()
	}
	answer, err := s.peer.Answer(m.SDP)
	if err != nil {
		return err
	}
	s.flowing = s.peer.Flowing()
	return s.send(answerMessage{"answer", answer})
}

func (s *session) newPeer() *peer.Peer {
	m := s.member
	publish := m.Publish()
	p := s.h.engine.NewPeer(peer.Options{
		Mixer: m.Mixer(), Upstream: m, Own: m.Source(), Audio: publish.Audio, Video: publish.Video,
		OnCandidate: s.trickle,
	}, s.log)
	m.OnRefresh(p.RequestKeyframe)
	return p
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
		return refusal.New(codeUnexpected, "a candidate before the offer; accepted now: offer, view, mute, leave, ping")
	}
	return s.peer.AddCandidate(m.Candidate)
}

// sendRendition tells what the client receives; before media flows it leaves that to their beginning.
func (s *session) sendRendition() error {
	if s.peer == nil || s.peer.Codec() == "" {
		return nil
	}
	all := s.member.Mixer().Stats().Renditions
	i := slices.IndexFunc(all, func(r mixer.RenditionStats) bool { return r.Codec == s.peer.Codec() })
	if i < 0 {
		return nil
	}
	return s.send(renditionMessage{"rendition", all[i].Codec, all[i].Width, all[i].Height, float64(all[i].FPS), all[i].Bitrate})
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

// peerEnd: a client that closed its peer connection has left.
func (s *session) peerEnd() error {
	if err := s.peer.Err(); err != nil {
		return err
	}
	return errLeft
}
