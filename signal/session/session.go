package session

import (
	"context"
	"errors"
	"log/slog"

	"azulejo/mixer"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// The reasons of a session's end that are no faults.
var (
	ErrLeft = errors.New("left") // the client has left
	ErrGone = errors.New("gone") // the connection is lost; the client may join again
)

// Session is one client's stay in a room. Before Join, and after Close, the client is in no room.
type Session struct {
	server Server
	log    *slog.Logger // of the client
	notify func(kind string, message any)

	membership *membership     // nil while the client is in no room
	viewer     *viewing.Viewer // nil while the client is in no room, and in a mesh room
	conn       *connection     // nil while there is no peer

	overload int // the last level of overload that was sent to the client; zero at first
}

// membership is the client's membership of a room. It implements the interface viewing.Room for the client's viewer, which
// keeps a pointer to it. Therefore Rejoin does not make another membership, but replaces the content of this one.
type membership struct {
	registry *room.Registry
	*room.Member
	log *slog.Logger // of the member
}

// Views implements viewing.Room.
func (m *membership) Views() map[string]mixer.View { return m.Hub().Views() }

// Info implements viewing.Room.
func (m *membership) Info() (room.Info, error) { return m.registry.Info(m.Room()) }

// New makes the session of a client that is in no room. The client's viewer will pass its messages to notify, see
// [viewing.NewViewer]. The records of log must name the client. After Join, the session adds the room and the member's id.
func New(server Server, log *slog.Logger, notify func(kind string, message any)) *Session {
	return &Session{server: server, log: log, notify: notify}
}

// Join makes the client a member of the room with this name. At first the client watches the selection; in a mesh room it
// watches nothing. If the client is a member already, it must have no peer. Join then leaves the old room after it has
// joined the new one. After an error, often a [refusal.Error], the session is unchanged.
func (s *Session) Join(ctx context.Context, name string, j room.Joining, selection viewing.Selection) error {
	m, err := s.newMembership(ctx, name, j)
	if err != nil {
		return err
	}
	var viewer *viewing.Viewer
	if !j.Mesh {
		if viewer, err = viewing.NewViewer(m, selection, s.notify); err != nil {
			m.Leave()
			return err
		}
	}
	if s.membership != nil {
		s.membership.Leave()
	}
	s.membership, s.viewer = m, viewer
	return nil
}

// newMembership joins a room.
func (s *Session) newMembership(ctx context.Context, name string, j room.Joining) (*membership, error) {
	m, err := s.server.Registry.Join(ctx, name, j)
	if err != nil {
		return nil, err
	}
	return &membership{s.server.Registry, m, s.log.With("room", m.Room(), "id", m.ID())}, nil
}

// Rejoin gives a client that has a peer a new membership of the same room. The peer stays. Rejoin is needed when a client
// answers an offer of the server, because only the answer says which media the client publishes. The dialect must call
// Rejoin before [peer.Peer.Accept].
func (s *Session) Rejoin(ctx context.Context, j room.Joining) error {
	m, err := s.newMembership(ctx, s.membership.Room(), j)
	if err != nil {
		return err
	}
	s.membership.Leave()
	*s.membership = *m // the viewer has the pointer s.membership
	publish := m.Publish()
	s.conn.peer.Publish(m.Member, m.Source(), publish.Audio, publish.Video)
	s.followMixer()
	return nil
}

// Member returns the client's membership, or nil if it is in no room. A nil Session has neither a Member nor a Viewer.
func (s *Session) Member() *room.Member {
	if s == nil || s.membership == nil {
		return nil
	}
	return s.membership.Member
}

// Viewer returns the client's viewer, or nil if the client is not in a room that mixes.
func (s *Session) Viewer() *viewing.Viewer {
	if s == nil {
		return nil
	}
	return s.viewer
}

// Log returns the logger of the client. After Join its records also name the room and the member's id.
func (s *Session) Log() *slog.Logger {
	if s.membership == nil {
		return s.log
	}
	return s.membership.log
}

// AtJoin returns the first event for a client that has just joined: the participants at the time of the join, and the
// present level of overload. The client must be in a room.
func (s *Session) AtJoin() room.Event {
	return room.Event{Participants: s.membership.Participants(), Overload: s.membership.Hub().Overload()}
}

// Overload returns the message that reports a level of overload. It returns true if the dialect must send the message, and
// false if the level is the same as at the last call. The level before the first call is zero.
func (s *Session) Overload(level int) (viewing.Overload, bool) {
	known := level == s.overload
	s.overload = level
	return viewing.Overload{Type: "overload", Level: level}, !known
}

// Close closes the peer, and then ends the membership. If reason is ErrLeft, it calls [room.Member.Leave]. Otherwise it
// calls [room.Member.Lose], so that the client can get its place back. The client may join again after Close.
func (s *Session) Close(reason error) {
	s.Disconnect()
	switch {
	case s.membership == nil:
	case errors.Is(reason, ErrLeft):
		s.membership.Leave()
	default:
		s.membership.Lose()
	}
	s.membership, s.viewer = nil, nil
}

// Events and Done return a nil channel, which is never ready, if the client is in no room or the Session is nil.

// Events returns the channel of the room's events.
func (s *Session) Events() <-chan room.Event {
	if s == nil || s.membership == nil {
		return nil
	}
	return s.membership.Events()
}

// Done returns a channel that is closed when the membership is over. Err returns the reason.
func (s *Session) Done() <-chan struct{} {
	if s == nil || s.membership == nil {
		return nil
	}
	return s.membership.Done()
}

// Err returns the reason why the membership is over, or ErrLeft if the room gave no reason. It must be called only after
// Done is ready.
func (s *Session) Err() error {
	if err := s.membership.Err(); err != nil {
		return err
	}
	return ErrLeft
}
