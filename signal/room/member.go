package room

import (
	"sync"
	"sync/atomic"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// backlog is how many events wait for a member; each carries the whole state, so one who lets
// so many pile up does not read at all.
const backlog = 32

// Member is one connection's membership of a room. Whoever joined calls Leave or Lose in the end, and
// watches Done: the room ends memberships too.
type Member struct {
	room    *Room
	place   *place
	id      string
	source  *hub.Source
	publish Media
	joined  []Participant
	events  chan Event

	ask  atomic.Pointer[func()]
	used atomic.Pointer[func(mixer.Demand)]

	done chan struct{}
	over atomic.Bool // set before done is closed
	once sync.Once   // of done
	left sync.Once   // of Leave and Lose
	err  error       // written before done is closed
}

// ID is the participant's; it is the same after a rejoin with the same key.
func (m *Member) ID() string { return m.id }

// Room is the name of the room.
func (m *Member) Room() string { return m.room.name }

// Hub is where the room's views and audio are subscribed to; it lives at least until Leave or Lose.
func (m *Member) Hub() *hub.Hub { return m.room.hub }

// Source is the number of the member's own source; zero for a viewer.
func (m *Member) Source() mixer.SourceID { return m.source.ID() }

// Publish is what the member said it would send.
func (m *Member) Publish() Media { return m.publish }

// Participants are who was there right after the join, this member included.
func (m *Member) Participants() []Participant { return m.joined }

// Events come in order, each with the whole state. A camera has none.
func (m *Member) Events() <-chan Event { return m.events }

// Done is closed when the membership is over, whoever ended it.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err tells why the membership is over: nil after Leave and Lose, else often an [refusal.Error].
func (m *Member) Err() error {
	if !m.over.Load() {
		return nil
	}
	<-m.done
	return m.err
}

// WriteVideo gives one access unit to the mixer; nothing happens once the membership is over. There are as many layers,
// versions of the video, as the member joined with; layer 0 is the largest.
func (m *Member) WriteVideo(layer int, p mixer.Packet) {
	if m.source != nil && !m.over.Load() {
		m.source.WriteVideo(layer, p)
	}
}

// WriteAudio gives one audio frame to the mixer; nothing happens once the membership is over.
func (m *Member) WriteAudio(p mixer.Packet) {
	if m.source != nil && !m.over.Load() {
		m.source.WriteAudio(p)
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

// OnDemand sets what is told how the member's pictures are used: at once if that is known already, and then
// whenever it changes, from one of the mixer's goroutines; it must not block. Rarely it is told the same twice.
func (m *Member) OnDemand(tell func(mixer.Demand)) {
	m.used.Store(&tell)
	for d := m.place.demand.Load(); d != nil && !m.over.Load(); {
		tell(*d)
		newest := m.place.demand.Load()
		if newest == d {
			return
		}
		d = newest // it may have been told before the old one was
	}
}

func (m *Member) demanded(d mixer.Demand) {
	if tell := m.used.Load(); tell != nil && !m.over.Load() {
		(*tell)(d)
	}
}

// Mute says what of the member's media is held back; both at once.
func (m *Member) Mute(muted Media) { m.room.do(mute{m, muted}) }

// Leave ends the membership, the tile goes, and lets go of the room. It is idempotent; every Join needs one, or a
// Lose, even when the room ended the membership.
func (m *Member) Leave() { m.leave(false) }

// Lose is Leave for a connection that broke: who published with a key keeps the place, which says so, until the
// same key joins again or Config.Grace is over.
func (m *Member) Lose() { m.leave(true) }

func (m *Member) leave(lost bool) {
	m.end(nil)
	m.left.Do(func() { m.room.do(leave{m, lost}) })
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
