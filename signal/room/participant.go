package room

import (
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Kind tells where a participant's media come from.
type Kind string

// The kinds of participants.
const (
	Peer   Kind = "peer"   // a WebRTC client
	Camera Kind = "camera" // pulled by the server
)

// Media says something about both media of a participant.
type Media struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Participant is what everybody in the room knows of one who publishes.
type Participant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Publish Media  `json:"publish"`
	Muted   Media  `json:"muted"`
	Away    bool   `json:"away,omitempty"` // the connection broke; the place is kept for a while
}

// Event tells a member what changed. The slice is shared: it must not be written to.
type Event struct {
	Participants []Participant // all of them, in tile order
	Overload     int           // see mixer.Mixer.Overload
}

// place is a participant's seat in the room: it outlives the connection that holds it when the
// same key joins again. All but now and demand belongs to the room's loop.
type place struct {
	Participant
	key    string
	number int         // tiles are ordered by it; of no meaning for viewers
	screen bool        // a shared screen
	layers int         // versions of the picture
	source *hub.Source // nil for viewers
	until  time.Time   // when it is given up, while Away

	now    atomic.Pointer[Member]       // who holds it; nil while Away
	demand atomic.Pointer[mixer.Demand] // the newest, nil before the first
}

// end parts the place from who holds it.
func (p *place) end(err error) {
	if m := p.now.Swap(nil); m != nil {
		m.end(err)
	}
}

// demanded is called by the mixer when what the source's pictures are used for changes.
func (p *place) demanded(d mixer.Demand) {
	p.demand.Store(&d)
	if m := p.now.Load(); m != nil {
		m.demanded(d)
	}
}

// refresh is called by the mixer when it needs a key picture from the source.
func (p *place) refresh() {
	if m := p.now.Load(); m != nil {
		m.refresh()
	}
}

// showMute tells the mixer what is held back. A picture that is not published is as good as switched off.
func (p *place) showMute() {
	p.source.SetMuted(p.Muted.Audio, p.Muted.Video || !p.Publish.Video)
}

func (p *place) publishes() bool { return p.Publish.Audio || p.Publish.Video }
