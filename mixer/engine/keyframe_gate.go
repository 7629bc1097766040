package engine

import (
	"sync"
	"time"

	"azulejo/mixer"
)

// refreshEvery is the least time between two requests for a keyframe.
const refreshEvery = time.Second

// keyframeGate keeps packets from the decoder that it cannot decode: from a loss to the next keyframe. The last good
// frame is shown meanwhile.
type keyframeGate struct {
	requests keyframeRequests
	closed   bool // until a keyframe comes; owned by the goroutine that decodes
}

// admit reports whether a decoder of that codec can decode p. The gate closes at a loss and at a change of the codec,
// and opens at a keyframe. While it is closed, keyframes are requested.
func (g *keyframeGate) admit(p mixer.Packet, decoder mixer.Codec) bool {
	if p.Lost || p.Codec != decoder {
		g.closed = true
	}
	if !p.Key && g.closed {
		g.requests.request()
		return false
	}
	g.closed = false
	return true
}

// fail closes the gate after a packet that could not be decoded.
func (g *keyframeGate) fail() {
	g.closed = true
	g.requests.request()
}

// keyframeRequests limits the requests for keyframes that a sender gets. Safe for concurrent use.
type keyframeRequests struct {
	send func()

	mu   sync.Mutex
	last time.Time
}

// request sends a request unless one was sent within refreshEvery.
func (r *keyframeRequests) request() {
	if r.allow(time.Now()) {
		r.send()
	}
}

func (r *keyframeRequests) allow(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last) < refreshEvery {
		return false
	}
	r.last = now
	return true
}
