package room

import (
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Kind is the kind of sender of a participant's media.
type Kind string

// The kinds of participants.
const (
	Peer   Kind = "peer"   // a WebRTC client
	Camera Kind = "camera" // pulled by the server
)

// Media is a flag for each of the two media of a participant.
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
	Away    bool   `json:"away,omitempty"` // the connection broke; the place is kept for a while
}

// Event is the state of the room after a change. The slice is shared: it is read-only.
type Event struct {
	Participants []Participant // all of them, in tile order
	Overload     int           // see mixer.Mixer.Overload
}

// place is a participant's place in the room. It outlives the connection that holds it, if the same key joins again. All
// fields except holder and demand belong to the room's loop.
type place struct {
	Participant
	key       string
	number    int         // the order of tiles; without meaning for viewers
	screen    bool        // a shared screen
	layers    int         // versions of the video
	source    *hub.Source // nil for viewers
	awayUntil time.Time   // when it is removed, while Away

	holder atomic.Pointer[Member]       // nil while Away
	demand atomic.Pointer[mixer.Demand] // the newest, nil before the first
}

// evict ends the membership of the holder.
func (p *place) evict(err error) {
	if m := p.holder.Swap(nil); m != nil {
		m.end(err)
	}
}

// onDemand is called by the mixer when the use of the source's video changes.
func (p *place) onDemand(d mixer.Demand) {
	p.demand.Store(&d)
	if m := p.holder.Load(); m != nil {
		m.sendDemand(d)
	}
}

// onKeyframeRequest is called by the mixer when it needs a keyframe from the source.
func (p *place) onKeyframeRequest() {
	if m := p.holder.Load(); m != nil {
		m.requestKeyframe()
	}
}

// applyMute tells the mixer which media are muted. Video that is not published counts as muted.
func (p *place) applyMute() {
	p.source.SetMuted(p.Muted.Audio, p.Muted.Video || !p.Publish.Video)
}

func (p *place) publishes() bool { return p.Publish.Audio || p.Publish.Video }
