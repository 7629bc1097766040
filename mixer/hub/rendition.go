package hub

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// rendition is one running encoder of the engine and the subscriptions that share its packets.
type rendition struct {
	hub   *Hub
	id    mixer.RenditionID
	info  mixer.RenditionInfo
	pass  *passthrough // nil: its packets always come from the encoder
	meter mixer.Meter

	passed atomic.Pointer[format] // of what is passed through right now; nil while the encoder's packets are delivered

	mu      sync.Mutex // held while packets are delivered; sinks do not block
	subs    []*VideoSubscription
	layout  *mixer.Layout // what the video shows; nil before the first packet
	keyNext bool          // the encoder's next packets are discarded until a keyframe
	last    time.Duration // PTS of the newest packet
}

// format is the codec and size of video.
type format struct {
	codec mixer.Codec
	size  mixer.Size
}

// assign leads a subscription to the rendition that the engine has chosen for it.
func (h *Hub) assign(a mixer.Assigned) {
	h.mu.Lock()
	sub := h.videoSubs[a.Subscription]
	r := h.renditions[a.Rendition]
	if sub != nil && r == nil {
		r = &rendition{hub: h, id: a.Rendition, info: a.Info}
		if a.Info.Profile != 0 {
			r.pass = newPassthrough(r)
			h.work.Go(r.pass.run)
		}
		h.renditions[a.Rendition] = r
	}
	h.mu.Unlock()
	if sub == nil { // it was closed meanwhile; Unsubscribe is on its way
		return
	}
	waits := sub.move(r, a.Rungs)
	r.update(sub)
	if waits && r.pass != nil {
		r.pass.keyframeRequested() // by the engine, when it assigned the rendition
	}
}

// update adds or removes a subscription, whichever is right now, and tells whether it has the rendition's packets then.
func (r *rendition) update(s *VideoSubscription) (added bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	uses, has := s.uses(r), slices.Contains(r.subs, s)
	switch {
	case uses && !has:
		r.subs = append(slices.Clone(r.subs), s)
	case !uses && has:
		r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(o *VideoSubscription) bool { return o == s })
	}
	return uses
}

// deliver hands the encoder's packets to all subscriptions. While a source is passed through they are discarded, and
// after that until a keyframe: viewers lack what the others refer to.
func (r *rendition) deliver(d mixer.Delivery) {
	r.mu.Lock()
	if d.Layout != nil {
		r.layout = d.Layout
	}
	var left []*VideoSubscription
	for _, p := range d.Packets {
		if r.passed.Load() != nil || r.keyNext && !p.Key {
			continue
		}
		r.keyNext = false
		left = append(left, r.share(p)...)
	}
	r.mu.Unlock()
	r.hub.leave(left)
}

// share hands one packet to all subscriptions; r.mu is held. It returns those that leave another rendition for this one.
func (r *rendition) share(p mixer.Packet) (left []*VideoSubscription) {
	r.meter.Add(len(p.Data))
	r.last = p.PTS
	shared := NewPacket(p)
	for _, s := range r.subs {
		if s.deliver(r, shared, r.layout) {
			left = append(left, s)
		}
	}
	return left
}

// leave gives up the renditions that these subscriptions got before.
func (h *Hub) leave(subs []*VideoSubscription) {
	for _, s := range subs {
		s.leaveOld()
	}
}

// end stops what the rendition began.
func (r *rendition) end() {
	if r.pass != nil {
		r.pass.stop()
	}
}

// refresh asks for a keyframe, of the encoder or of the source that is passed through.
func (r *rendition) refresh() {
	if r.pass != nil {
		r.pass.keyframeRequested()
	}
	r.hub.engine.Send(mixer.RequestKeyframe{Rendition: r.id})
}

// stats describes what subscribers get.
func (r *rendition) stats() mixer.RenditionStats {
	rate, passed := r.meter.Read(), r.passed.Load()
	is := *cmp.Or(passed, &format{r.info.Codec, r.info.Size})
	return mixer.RenditionStats{
		ID: r.id, View: r.info.View, Codec: is.codec, Width: is.size.W, Height: is.size.H,
		FPS: rate.PerSecond, Bitrate: rate.Bits, Passed: passed != nil,
	}
}

// measured adds to the engine's numbers what only the server's side sees.
func (r *rendition) measured(s mixer.RenditionStats) mixer.RenditionStats {
	now := r.stats()
	now.View, now.Sinks, now.Skipped = s.View, s.Sinks, s.Skipped
	return now
}
