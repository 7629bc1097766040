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

	overload int // the last level that was sent to the client
}

// place is the client's membership. It implements the interface viewing.Room for the client's viewer. Rejoin replaces
// the content of a place, so that the viewer can keep its pointer to it.
type place struct {
	registry *room.Registry
	*room.Member
	log *slog.Logger // of the member
}

// Views implements viewing.Room.
func (p *place) Views() map[string]mixer.View { return p.Hub().Views() }

// Info implements viewing.Room.
func (p *place) Info() (room.Info, error) { return p.registry.Info(p.Room()) }

// New makes the session of a client that is in no room. The client's viewer passes its messages to notify, as described
// at [viewing.NewViewer]. The records of log name the client; after Join they also name the room and the member.
func New(server Server, log *slog.Logger, notify func(kind string, message any)) *Session {
	return &Session{server: server, log: log, notify: notify}
}

// Join makes the client a member of a room. The client first watches what the argument first selects; a member of a
// mesh room watches nothing. A client that is a member already must have no peer then. It gets its new place and leaves
// the old one afterwards. After an error, often a [refusal.Error], the session is unchanged.
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

// Rejoin gives a connected client a new membership of the same room and keeps its peer. It is for a client that answers
// an offer of the server, because only the answer says what the client publishes. The dialect must call Rejoin before
// [peer.Peer.Accept].
func (s *Session) Rejoin(ctx context.Context, j room.Joining) error {
	p, err := s.newPlace(ctx, s.place.Room(), j)
	if err != nil {
		return err
	}
	s.place.Leave()
	*s.place = *p // the viewer has the pointer s.place
	publish := p.Publish()
	s.conn.peer.Publish(p.Member, p.Source(), publish.Audio, publish.Video)
	s.followMixer()
	return nil
}

// Member returns the client's membership, or nil if it is in no room. A nil Session has neither a Member nor a Viewer.
func (s *Session) Member() *room.Member {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Member
}

// Viewer returns the client's viewer, or nil if the client is not in a room that mixes.
func (s *Session) Viewer() *viewing.Viewer {
	if s == nil {
		return nil
	}
	return s.viewer
}

// Log returns the logger whose records name the client and, after Join, its room and its id.
func (s *Session) Log() *slog.Logger {
	if s.place == nil {
		return s.log
	}
	return s.place.log
}

// AtJoin returns the participants right after the client joined the room, and the room's present level of overload.
func (s *Session) AtJoin() room.Event {
	return room.Event{Participants: s.place.Participants(), Overload: s.place.Hub().Overload()}
}

// Overload returns the message that reports a level of overload, and stores the level as the last one that was sent. It
// returns false if the client knows the level already, because it is equal to the last one. Zero counts as known at
// first.
func (s *Session) Overload(level int) (viewing.Overload, bool) {
	known := level == s.overload
	s.overload = level
	return viewing.Overload{Type: "overload", Level: level}, !known
}

// Close closes the peer first, and ends the membership then. If why is ErrLeft, the place in the room is free at once.
// Otherwise the room keeps the place for the grace period, see [room.Member.Lose]. The client may join again after
// Close.
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

// The methods below return a nil channel, which is never ready, if the client is in no room. A nil Session is in none.

// Events returns the channel of the room's events.
func (s *Session) Events() <-chan room.Event {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Events()
}

// Done returns a channel that is closed when the membership is over. Err tells why it is over.
func (s *Session) Done() <-chan struct{} {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.Done()
}

// Err tells why the membership is over. It is ErrLeft if no fault ended the membership.
func (s *Session) Err() error {
	if err := s.place.Err(); err != nil {
		return err
	}
	return ErrLeft
}
