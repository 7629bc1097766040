package room

import (
	"sync"
	"sync/atomic"

	"azulejo/codec"
	"azulejo/mixer"
)

// backlog is how many events wait for a member; each carries the whole state, so one who lets
// so many pile up does not read at all.
const backlog = 32

// Member is one connection's membership of a room. Whoever joined calls Leave in the end, and
// watches Done: the room ends memberships too.
type Member struct {
	room    *Room
	place   *place
	id      string
	source  *mixer.Source
	publish Media
	joined  []Participant
	events  chan Event

	ask atomic.Pointer[func()]

	done chan struct{}
	over atomic.Bool // set before done is closed
	once sync.Once   // of done
	left sync.Once   // of Leave
	err  error       // written before done is closed
}

// ID is the participant's; it is the same after a rejoin with the same key.
func (m *Member) ID() string { return m.id }

// Room is the name of the room.
func (m *Member) Room() string { return m.room.name }

// Mixer is the room's; it lives at least until Leave.
func (m *Member) Mixer() *mixer.Mixer { return m.room.mix }

// Source is the member's own in the mixer, nil for a viewer; the room closes it.
func (m *Member) Source() *mixer.Source { return m.source }

// Publish is what the member said it would send.
func (m *Member) Publish() Media { return m.publish }

// Participants are who was there right after the join, this member included.
func (m *Member) Participants() []Participant { return m.joined }

// Events come in order, each with the whole state. A camera has none.
func (m *Member) Events() <-chan Event { return m.events }

// Done is closed when the membership is over, whoever ended it.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err tells why the membership is over: nil after Leave, else often an [refusal.Error].
func (m *Member) Err() error {
	if !m.over.Load() {
		return nil
	}
	<-m.done
	return m.err
}

// PutVideo gives one access unit to the mixer; nothing happens once the membership is over.
func (m *Member) PutVideo(p codec.Packet) {
	if m.source != nil && !m.over.Load() {
		m.source.PutVideo(p)
	}
}

// PutAudio gives one access unit to the mixer; nothing happens once the membership is over.
func (m *Member) PutAudio(p codec.Packet) {
	if m.source != nil && !m.over.Load() {
		m.source.PutAudio(p)
	}
}

// OnRefresh sets what is called when the mixer needs a key picture: at most once a second, from
// one of its goroutines; it must not block.
func (m *Member) OnRefresh(ask func()) { m.ask.Store(&ask) }

func (m *Member) refresh() {
	if ask := m.ask.Load(); ask != nil && !m.over.Load() {
		(*ask)()
	}
}

// Mute says what of the member's media is held back; both at once.
func (m *Member) Mute(muted Media) { m.room.do(mute{m, muted}) }

// Leave ends the membership and lets go of the room. It is idempotent; every Join needs one, even
// when the room ended the membership.
func (m *Member) Leave() {
	m.end(nil)
	m.left.Do(func() { m.room.do(leave{m}) })
}

// end makes the membership over and tells whether this call did it.
func (m *Member) end(err error) bool {
	first := false
	m.once.Do(func() {
		first = true
		m.err = err
		m.over.Store(true)
		close(m.done)
	})
	return first
}
