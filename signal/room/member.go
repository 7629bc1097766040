package room

import (
	"sync"
	"sync/atomic"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// backlog is the length of the queue of events for each member. The room changes so rarely that the queue of a member
// gets full only if the member has stopped reading.
const backlog = 32

// Member is one connection's membership of a room. Its owner must call Leave or Lose in any case. The owner must also
// watch Done, because the room can end the membership.
type Member struct {
	room    *Room
	place   *place
	id      string
	source  *hub.Source // nil for a viewer
	publish Media
	joined  []Participant // the participants right after the join
	events  chan Event    // nil for a camera

	onKeyframeRequest atomic.Pointer[func()]             // nil until OnKeyframeRequest
	onDemand          atomic.Pointer[func(mixer.Demand)] // nil until OnDemand

	done      chan struct{}
	ended     atomic.Bool // set before done is closed
	endOnce   sync.Once   // of end
	leaveOnce sync.Once   // of Leave and Lose
	err       error       // written before done is closed
}

// ID returns the id of the participant. It is the same after another join with the same key.
func (m *Member) ID() string { return m.id }

// Room returns the name of the room.
func (m *Member) Room() string { return m.room.name }

// Hub returns the hub of the room. It runs at least until Leave or Lose.
func (m *Member) Hub() *hub.Hub { return m.room.hub }

// Source returns the number of the member's own source, or zero for a viewer.
func (m *Member) Source() mixer.SourceID { return m.source.ID() }

// Publish returns the media that the member publishes.
func (m *Member) Publish() Media { return m.publish }

// Participants returns the participants of the room right after the join. A member that publishes is among them.
func (m *Member) Participants() []Participant { return m.joined }

// Events returns the channel of the room's events. Each event has the whole state. The channel of a camera is nil.
func (m *Member) Events() <-chan Event { return m.events }

// Done returns a channel that is closed when the member or the room has ended the membership.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err returns the reason why the room ended the membership, often a [refusal.Error]. It returns nil before the end, and if
// Leave or Lose ended the membership.
func (m *Member) Err() error {
	if !m.ended.Load() {
		return nil
	}
	<-m.done
	return m.err
}

// WriteVideo gives one access unit of one layer to the mixer. Layer 0 is the largest. Joining.Layers is the number of
// layers. After the end of the membership WriteVideo does nothing.
func (m *Member) WriteVideo(layer int, p mixer.Packet) {
	if m.source != nil && !m.ended.Load() {
		m.source.WriteVideo(layer, p)
	}
}

// WriteAudio gives one audio frame to the mixer. After the end of the membership it does nothing.
func (m *Member) WriteAudio(p mixer.Packet) {
	if m.source != nil && !m.ended.Load() {
		m.source.WriteAudio(p)
	}
}

// ReportTrouble says why no media of the member come. The zero Trouble withdraws the last report, when media come again. After
// the end of the membership it does nothing.
func (m *Member) ReportTrouble(t mixer.Trouble) {
	if m.source != nil && !m.ended.Load() {
		m.source.ReportTrouble(t)
	}
}

// OnKeyframeRequest sets a function that is called when the mixer needs a keyframe of the member's video, at most once a
// second. A goroutine of the mixer calls the function, which must not block.
func (m *Member) OnKeyframeRequest(request func()) { m.onKeyframeRequest.Store(&request) }

func (m *Member) requestKeyframe() {
	if request := m.onKeyframeRequest.Load(); request != nil && !m.ended.Load() {
		(*request)()
	}
}

// OnDemand sets a function that is called with the demand for the member's video. If the demand is known already, OnDemand
// itself calls the function. After each change a goroutine of the mixer calls it. The function must not block. It may get
// the same demand twice.
func (m *Member) OnDemand(notify func(mixer.Demand)) {
	m.onDemand.Store(&notify)
	for d := m.place.demand.Load(); d != nil && !m.ended.Load(); {
		notify(*d)
		newest := m.place.demand.Load()
		if newest == d {
			return
		}
		d = newest // another goroutine may have passed newest to notify before d: pass it again, so that it is the last one
	}
}

func (m *Member) sendDemand(d mixer.Demand) {
	if notify := m.onDemand.Load(); notify != nil && !m.ended.Load() {
		(*notify)(d)
	}
}

// Mute mutes the media that are true in muted, and unmutes the others.
func (m *Member) Mute(muted Media) { m.room.submit(mute{m, muted}) }

// Leave ends the membership, and removes the member's place and tile. The room may end then. Leave is needed even if the
// room has ended the membership, unless Lose was called. All calls of Leave and Lose after the first one do nothing.
func (m *Member) Leave() { m.leave(false) }

// Lose does the same as Leave, for a connection that broke, with one difference. If the member publishes and has a key, the
// room keeps its place, marked as away. The place is kept until a member joins with the same key, or Config.Grace is over.
func (m *Member) Lose() { m.leave(true) }

// leave ends the membership, and submits the command leave once.
func (m *Member) leave(lost bool) {
	m.end(nil)
	m.leaveOnce.Do(func() { m.room.submit(leave{m, lost}) })
}

// end ends the membership for the reason err. It does nothing if the membership is over already.
func (m *Member) end(err error) {
	m.endOnce.Do(func() {
		m.err = err
		m.ended.Store(true)
		close(m.done)
	})
}
