package camera

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// audio makes one continuous audio track from the audio of a camera's streams. It passes on the main stream's packets
// while they arrive, otherwise the sub-stream's. After a change of the stream the PTS continue: they are as near to the
// time since epoch as possible without going back.
type audio struct {
	out   upstream
	epoch time.Time // the zero of the PTS that are passed on

	mu    sync.Mutex    // held while a packet is passed on, so that packets do not overtake each other
	owner *outlet       // the outlet whose packets are passed on; nil before the first packet
	shift time.Duration // added to the PTS of the owner's packets
	next  time.Duration // when the last packet that was passed on ends, with the shift
}

// write passes p on if o is the owner or may become the owner. Otherwise it drops p. The result tells whether o has become the
// owner.
func (a *audio) write(o *outlet, p mixer.Packet) (began bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owner != o {
		if !a.mayOwn(o) {
			return false
		}
		a.owner, began = o, true
		a.shift = max(time.Since(a.epoch), a.next) - p.PTS
		p.Lost = true
	}
	p.PTS += a.shift
	a.next = p.PTS + p.Duration
	a.out.WriteAudio(p)
	return began
}

// flows tells whether a stream's audio is passed on.
func (a *audio) flows() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owner != nil && a.owner.ctx.Err() == nil
}

// mayOwn tells whether o may become the owner. o's feed must be running. There must be no owner, or the owner's feed must
// have ended, or the owner's stream must be smaller than o's.
func (a *audio) mayOwn(o *outlet) bool {
	return o.ctx.Err() == nil && (a.owner == nil || a.owner.ctx.Err() != nil || o.layer < a.owner.layer)
}
