package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// refreshEvery is the least time between two requests for a keyframe.
const refreshEvery = time.Second

// keyframeGate keeps packets from a decoder that cannot decode them: the packets from a loss until the next keyframe. Meanwhile
// the last good frame is shown.
type keyframeGate struct {
	requests keyframeRequests
	closed   bool // no packet is admitted until a keyframe comes; owned by the goroutine that decodes
}

// admit reports whether p may be decoded. current is the codec of the open decoder. The gate closes at a loss and at a change
// of the codec, and opens at a keyframe. While the gate is closed, admit requests keyframes. If p opens the gate, admit sets
// p.Lost: the decoder has not got the packets before p.
func (g *keyframeGate) admit(p *mixer.Packet, current mixer.Codec) bool {
	if p.Lost || p.Codec != current {
		g.closed = true
	}
	if !p.Key && g.closed {
		g.requests.request()
		return false
	}
	p.Lost = g.closed
	g.closed = false
	return true
}

// fail closes the gate and requests a keyframe, after a packet that could not be decoded.
func (g *keyframeGate) fail() {
	g.closed = true
	g.requests.request()
}

// keyframeRequests limits how often a sender is asked for a keyframe. Safe for concurrent use.
type keyframeRequests struct {
	send func() // asks the sender for a keyframe

	mu   sync.Mutex
	last time.Time // when the last request was sent
}

// request sends a request unless one was sent within refreshEvery.
func (r *keyframeRequests) request() {
	if r.allow(time.Now()) {
		r.send()
	}
}

// allow reports whether a request may be sent now. If so, it records now as the time of the last request.
func (r *keyframeRequests) allow(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last) < refreshEvery {
		return false
	}
	r.last = now
	return true
}
