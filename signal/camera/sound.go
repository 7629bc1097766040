package camera

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// sound makes one sound of those of a camera's streams: the main stream's while that brings any, else the
// sub-stream's. Its times go on when the stream changes, as near to the clock on the wall as they can without
// going back.
type sound struct {
	out   upstream
	epoch time.Time

	mu    sync.Mutex // held while sound is put: never two at once
	owner *outlet    // whose sound is put; nil before the first
	shift time.Duration
	end   time.Duration // of what was put
}

func (s *sound) put(o *outlet, p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != o {
		if !s.yields(o) {
			return
		}
		s.owner = o
		s.shift = max(time.Since(s.epoch), s.end) - p.PTS
		p.Lost = true
	}
	p.PTS += s.shift
	s.end = p.PTS + p.Duration
	s.out.PutAudio(p)
}

// yields tells whether o may take over.
func (s *sound) yields(o *outlet) bool {
	return o.ctx.Err() == nil && (s.owner == nil || s.owner.ctx.Err() != nil || o.layer < s.owner.layer)
}
