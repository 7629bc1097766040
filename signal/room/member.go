package room

import (
	"sync"
	"sync/atomic"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// backlog is how many events wait for a member. Each has the whole state, so a member with a full backlog does not read
// at all.
const backlog = 32

// Member is one connection's membership of a room. Its owner calls Leave or Lose in the end, and watches Done: the room
// ends memberships too.
type Member struct {
	room    *Room
	place   *place
	id      string
	source  *hub.Source
	publish Media
	joined  []Participant
	events  chan Event

	onKeyframeRequest atomic.Pointer[func()]
	onDemand          atomic.Pointer[func(mixer.Demand)]

	done      chan struct{}
	ended     atomic.Bool // set before done is closed
	endOnce   sync.Once   // of end
	leaveOnce sync.Once   // of Leave and Lose
	err       error       // written before done is closed
}

// ID is the participant's; it is the same after a rejoin with the same key.
func (m *Member) ID() string { return m.id }

// Room is the name of the room.
func (m *Member) Room() string { return m.room.name }

// Hub has the room's views and audio. It lives at least until Leave or Lose.
func (m *Member) Hub() *hub.Hub { return m.room.hub }

// Source is the number of the member's own source; zero for a viewer.
func (m *Member) Source() mixer.SourceID { return m.source.ID() }

// Publish is the media that the member publishes.
func (m *Member) Publish() Media { return m.publish }

// Participants are those of the room right after the join, with this member.
func (m *Member) Participants() []Participant { return m.joined }

// Events come in order, each with the whole state. A camera has none.
func (m *Member) Events() <-chan Event { return m.events }

// Done is closed when the membership is over, ended by the member or by the room.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err is the reason why the membership is over: nil after Leave and Lose, else often a [refusal.Error].
func (m *Member) Err() error {
	if !m.ended.Load() {
		return nil
	}
	<-m.done
	return m.err
}

// WriteVideo gives one access unit to the mixer. It does nothing after the membership is over. There are as many layers,
// versions of the video, as the member joined with; layer 0 is the largest.
func (m *Member) WriteVideo(layer int, p mixer.Packet) {
	if m.source != nil && !m.ended.Load() {
		m.source.WriteVideo(layer, p)
	}
}

// WriteAudio gives one audio frame to the mixer. It does nothing after the membership is over.
func (m *Member) WriteAudio(p mixer.Packet) {
	if m.source != nil && !m.ended.Load() {
		m.source.WriteAudio(p)
	}
}

// OnKeyframeRequest sets the function that is called when the mixer needs a keyframe: at most once a second, from one of
// its goroutines. It must not block.
func (m *Member) OnKeyframeRequest(request func()) { m.onKeyframeRequest.Store(&request) }

func (m *Member) requestKeyframe() {
	if request := m.onKeyframeRequest.Load(); request != nil && !m.ended.Load() {
		(*request)()
	}
}

// OnDemand sets the function that is called with the use of the member's video: at once if it is known, and after each
// change, from one of the mixer's goroutines. It must not block. Rarely it is called with the same demand twice.
func (m *Member) OnDemand(notify func(mixer.Demand)) {
	m.onDemand.Store(&notify)
	for d := m.place.demand.Load(); d != nil && !m.ended.Load(); {
		notify(*d)
		newest := m.place.demand.Load()
		if newest == d {
			return
		}
		d = newest // notify may have got the newest before d
	}
}

func (m *Member) sendDemand(d mixer.Demand) {
	if notify := m.onDemand.Load(); notify != nil && !m.ended.Load() {
		(*notify)(d)
	}
}

// Mute sets which of the member's media are muted, both at once.
func (m *Member) Mute(muted Media) { m.room.submit(mute{m, muted}) }

// Leave ends the membership, removes the tile and releases the room. It is idempotent. Every Join needs a Leave or a
// Lose, even when the room ended the membership.
func (m *Member) Leave() { m.leave(false) }

// Lose is Leave for a connection that broke. A member that publishes and has a key keeps its place, marked as away, until
// the same key joins again or Config.Grace is over.
func (m *Member) Lose() { m.leave(true) }

func (m *Member) leave(lost bool) {
	m.end(nil)
	m.leaveOnce.Do(func() { m.room.submit(leave{m, lost}) })
}

// end ends the membership and tells whether this call did it.
func (m *Member) end(err error) bool {
	first := false
	m.endOnce.Do(func() {
		first = true
		m.err = err
		m.ended.Store(true)
		close(m.done)
	})
	return first
}
