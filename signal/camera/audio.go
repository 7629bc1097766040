package camera

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// audio makes one continuous audio track of those of a camera's streams. It takes the main stream's packets while they
// come, else the sub-stream's. When the stream changes, the timestamps go on: as near to the wall clock as possible
// without going back.
type audio struct {
	out   upstream
	epoch time.Time

	mu    sync.Mutex // held while a packet is handed on: never two at once
	owner *outlet    // its packets are handed on; nil before the first
	shift time.Duration
	next  time.Duration // end of the last packet
}

// write hands p on, unless another stream is the owner.
func (a *audio) write(o *outlet, p mixer.Packet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owner != o {
		if !a.yields(o) {
			return
		}
		a.owner = o
		a.shift = max(time.Since(a.epoch), a.next) - p.PTS
		p.Lost = true
	}
	p.PTS += a.shift
	a.next = p.PTS + p.Duration
	a.out.WriteAudio(p)
}

// yields tells whether o may become the owner.
func (a *audio) yields(o *outlet) bool {
	return o.ctx.Err() == nil && (a.owner == nil || a.owner.ctx.Err() != nil || o.layer < a.owner.layer)
}
