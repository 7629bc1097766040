package room

import (
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Kind tells clients and cameras apart.
type Kind string

// The kinds of participants.
const (
	Peer   Kind = "peer"   // a WebRTC client
	Camera Kind = "camera" // a camera that the server pulls, or a feed
)

// Media is one property, such as being muted, of a participant's audio and of its video.
type Media struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Participant is the public description of a member that publishes.
type Participant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Publish Media  `json:"publish"`
	Muted   Media  `json:"muted"`
	Away    bool   `json:"away,omitempty"` // the connection broke; the place is kept for the grace period
	Trouble
}

// Trouble says why the source of a participant is not live, and why its audio is not taken. The zero value means that there is
// no trouble.
type Trouble struct {
	Reason      mixer.Reason `json:"reason,omitempty"`      // why the source is not live
	Detail      string       `json:"detail,omitempty"`      // a sentence about Reason
	Since       time.Time    `json:"since,omitzero"`        // when Reason began
	AudioReason mixer.Reason `json:"audioReason,omitempty"` // why the audio is not taken
	AudioDetail string       `json:"audioDetail,omitempty"` // a sentence about AudioReason
}

// Event is the state of the room after a change. All members share the slice, so it must not be changed.
type Event struct {
	Participants []Participant // all participants, in the order of their places
	Overload     int           // the level of overload, see mixer.Stats
}

// place is the place of one participant in the room. A viewer also has a place, but no tile. The member that has the place
// is its holder. The next holder can be another member with the same key. Only the room's loop uses the fields before holder.
type place struct {
	Participant
	key       string
	number    int              // places are sorted by their numbers; not used for viewers
	spec      mixer.SourceSpec // describes the source, without ID, Name and Place
	source    *hub.Source      // nil for viewers
	awayUntil time.Time        // while Away: when the place will be removed

	holder    atomic.Pointer[Member]          // nil while Away, and after the place was removed
	demand    atomic.Pointer[mixer.Demand]    // the newest demand for the video; nil before the first
	condition atomic.Pointer[mixer.Condition] // the last condition of the source; nil before the first
	audio     atomic.Pointer[mixer.Trouble]   // the last report about the audio; nil before the first
	wasLive   atomic.Bool                     // the source has been live since the present holder joined

	notifying sync.Mutex // held while Config.ConditionChanged or Config.SourceLeft is called, so that SourceLeft is the last call
	left      bool       // the source was removed; protected by notifying
}

// evict ends the membership of the holder, if there is one.
func (p *place) evict(err error) {
	if m := p.holder.Swap(nil); m != nil {
		m.end(err)
	}
}

// onDemand passes a new demand on to the holder. Goroutines of the mixer call it.
func (p *place) onDemand(d mixer.Demand) {
	p.demand.Store(&d)
	if m := p.holder.Load(); m != nil {
		m.sendDemand(d)
	}
}

// onCondition returns the function that gets the conditions of the source. It stores each one for info, and passes it on to
// Config.ConditionChanged. Goroutines of the mixer call the function.
func (r *Room) onCondition(p *place) func(mixer.Condition) {
	joining, notify := p.Participant, r.registry.cfg.ConditionChanged
	return func(c mixer.Condition) {
		p.condition.Store(&c)
		if c.State == mixer.Live && !p.wasLive.Swap(true) && joining.Kind == Camera {
			r.logJoined(joining)
		}
		p.notifying.Lock()
		defer p.notifying.Unlock()
		if notify != nil && !p.left {
			notify(r.name, joining.ID, joining.Name, c)
		}
	}
}

// closeSource removes the source of p, if it has one, from the mixer, and calls Config.SourceLeft.
func (r *Room) closeSource(p *place) {
	if p.source == nil {
		return
	}
	p.source.Close()
	p.notifying.Lock()
	defer p.notifying.Unlock()
	if notify := r.registry.cfg.SourceLeft; notify != nil && !p.left {
		notify(r.name, p.ID, p.Name)
	}
	p.left = true
}

// lastCondition returns the last condition of the source.
func (p *place) lastCondition() mixer.Condition {
	if c := p.condition.Load(); c != nil {
		return *c
	}
	return mixer.Condition{State: mixer.Connecting, Trouble: mixer.Trouble{Reason: mixer.ReasonConnecting}}
}

// trouble returns the present trouble of the source and of the audio.
func (p *place) trouble() Trouble {
	var t Trouble
	if c := p.condition.Load(); c != nil && c.Reason != "" {
		t.Reason, t.Detail, t.Since = c.Reason, c.Detail, c.Since
	}
	if audio := p.audio.Load(); audio != nil {
		t.AudioReason, t.AudioDetail = audio.Reason, audio.Detail
	}
	return t
}

// onKeyframeRequest passes a keyframe request on to the holder. Goroutines of the mixer call it.
func (p *place) onKeyframeRequest() {
	if m := p.holder.Load(); m != nil {
		m.requestKeyframe()
	}
}

// applyMute mutes or unmutes the media of the source. Video that is not published counts as muted.
func (p *place) applyMute() {
	p.source.SetMuted(p.Muted.Audio, p.Muted.Video || !p.Publish.Video)
}

func (p *place) publishes() bool { return p.Publish.Audio || p.Publish.Video }
