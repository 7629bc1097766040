package session

import (
	"context"
	"errors"
	"log/slog"

	"azulejo/mixer"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// The reasons for which a client's session ends without a fault.
var (
	ErrLeft = errors.New("left") // the client said that it leaves
	ErrGone = errors.New("gone") // the connection is lost; the client may join again
)

// Session is one client's stay in a room. Before Join, and after Close, the client is in no room.
type Session struct {
	server Server
	log    *slog.Logger // of the client
	notify func(kind string, message any)

	place  *place // nil while the client is in no room
	viewer *viewing.Viewer
	conn   *connection // nil while there is no peer

	overload int // the last level that the client was sent
}

// place is the client's membership. It is the room of the viewer, also after another membership took its place.
type place struct {
	registry *room.Registry
	*room.Member
	log *slog.Logger // of the member
}

// Views implements viewing.Room.
func (p *place) Views() map[string]mixer.View { return p.Hub().Views() }

// Info implements viewing.Room.
func (p *place) Info() (room.Info, error) { return p.registry.Info(p.Room()) }

// New makes the session of a client that is in no room. The viewer of the client hands its messages to notify, as
// [viewing.NewViewer] says. The log names the client; its records name the room and the member after Join.
func New(server Server, log *slog.Logger, notify func(kind string, message any)) *Session {
	return &Session{server: server, log: log, notify: notify}
}

// Join makes the client a member of a room, with what it watches first. If the client was a member before, it leaves
// that place once it has the new one; it must not be connected then. After an error, often a [refusal.Error], everything
// stays as it was. A member of a mesh room watches nothing.
func (s *Session) Join(ctx context.Context, name string, j room.Joining, first viewing.Selection) error {
	p, err := s.newPlace(ctx, name, j)
	if err != nil {
		return err
	}
	var viewer *viewing.Viewer
	if !j.Mesh {
		if viewer, err = viewing.NewViewer(p, first, s.notify); err != nil {
			p.Leave()
			return err
		}
	}
	if s.place != nil {
		s.place.Leave()
	}
	s.place, s.viewer = p, viewer
	return nil
}

func (s *Session) newPlace(ctx context.Context, name string, j room.Joining) (*place, error) {
	m, err := s.server.Registry.Join(ctx, name, j)
	if err != nil {
		return nil, err
	}
	return &place{s.server.Registry, m, s.log.With("room", m.Room(), "id", m.ID())}, nil
}

// Rejoin gives a connected client another membership of the same room while the connection goes on: the client has
// answered an offer of the server, and the answer says what it publishes. It is called before [peer.Peer.Accept].
func (s *Session) Rejoin(ctx context.Context, j room.Joining) error {
	p, err := s.newPlace(ctx, s.place.Room(), j)
	if err != nil {
		return err
	}
	s.place.Leave()
	*s.place = *p // the viewer stays in the room
	publish := p.Publish()
	s.conn.peer.Publish(p.Member, p.Source(), publish.Audio, publish.Video)
	s.followMixer()
	return nil
}

// Member is the client's membership; nil while it is in no room. A nil Session has neither Member nor Viewer.
func (s *Session) Member() *room.Member {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Member
}

// Viewer is what the client watches; nil while it is in no room that mixes.
func (s *Session) Viewer() *viewing.Viewer {
	if s == nil {
		return nil
	}
	return s.viewer
}

// Log names the client and, after Join, its room and its id.
func (s *Session) Log() *slog.Logger {
	if s.place == nil {
		return s.log
	}
	return s.place.log
}

// AtJoin is the state of the room when the client joined it.
func (s *Session) AtJoin() room.Event {
	return room.Event{Participants: s.place.Participants(), Overload: s.place.Hub().Overload()}
}

// Overload returns the message for a level of overload. It returns false if the client knows the level already: the last
// one that it was sent, at first zero.
func (s *Session) Overload(level int) (viewing.Overload, bool) {
	known := level == s.overload
	s.overload = level
	return viewing.Overload{Type: "overload", Level: level}, !known
}

// Close frees what the session has in the order of the media: first the connection, then the place in the room. If why
// is ErrLeft the place is free at once, else the room keeps it for a while, see [room.Member.Lose]. The client may join
// again.
func (s *Session) Close(why error) {
	s.Disconnect()
	switch {
	case s.place == nil:
	case errors.Is(why, ErrLeft):
		s.place.Leave()
	default:
		s.place.Lose()
	}
	s.place, s.viewer = nil, nil
}

// The channels below are nil, and never ready, while there is nothing to wait for. A nil Session has none.

// Events come from the room.
func (s *Session) Events() <-chan room.Event {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Events()
}

// Done is closed when the membership is over; Err tells why.
func (s *Session) Done() <-chan struct{} {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Done()
}

// Err tells why the membership is over: ErrLeft if no fault ended it.
func (s *Session) Err() error {
	if err := s.place.Err(); err != nil {
		return err
	}
	return ErrLeft
}
