package hub

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// rendition is one running video encoder of the engine, and the subscriptions that share its packets.
type rendition struct {
	hub         *Hub
	id          mixer.RenditionID
	info        mixer.RenditionInfo
	passthrough *passthrough // nil: all packets come from the encoder
	meter       mixer.Meter

	passingFormat atomic.Pointer[format] // format of the source that is passed through; nil while the encoder's packets are delivered

	mu            sync.Mutex           // held while packets are delivered; sinks must not block
	subs          []*VideoSubscription // that get the rendition, or wait for its keyframe
	layout        *mixer.Layout        // what the video shows; nil before the first packet
	needsKeyframe bool                 // the encoder's packets are discarded until its next keyframe
	lastPTS       time.Duration        // of the newest packet
}

// format is the codec of video and the size of its frames.
type format struct {
	codec mixer.Codec
	size  mixer.Size
}

// assign handles Assigned: the subscription moves to the rendition that the engine has chosen for it.
func (h *Hub) assign(a mixer.Assigned) {
	h.mu.Lock()
	sub := h.videoSubs[a.Subscription]
	r := h.renditions[a.Rendition]
	if sub != nil && r == nil {
		r = &rendition{hub: h, id: a.Rendition, info: a.Info}
		if a.Info.Profile != 0 {
			r.passthrough = newPassthrough(r)
			h.work.Go(r.passthrough.run)
		}
		h.renditions[a.Rendition] = r
	}
	h.mu.Unlock()
	if sub == nil { // the subscription was closed meanwhile, and Unsubscribe was sent
		return
	}
	waits := sub.move(r, a.Rungs)
	r.update(sub)
	if waits && r.passthrough != nil {
		r.passthrough.keyframeRequested() // the engine requested a keyframe from the source when it assigned the rendition
	}
}

// update adds s to the subscriptions of r if s gets r or waits for r. Otherwise it removes s. The result reports whether s is a
// subscription of r now.
func (r *rendition) update(s *VideoSubscription) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	uses, listed := s.uses(r), slices.Contains(r.subs, s)
	switch {
	case uses && !listed:
		r.subs = append(slices.Clone(r.subs), s)
	case !uses && listed:
		r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(o *VideoSubscription) bool { return o == s })
	}
	return uses
}

// deliver hands the encoder's packets to all subscriptions. While a source is passed through, it discards these packets. After
// that, it discards packets until the encoder's next keyframe, because they refer to frames that the viewers did not get.
func (r *rendition) deliver(d mixer.Delivery) {
	r.mu.Lock()
	if d.Layout != nil {
		r.layout = d.Layout
	}
	var moved []*VideoSubscription
	for _, p := range d.Packets {
		if r.passingFormat.Load() != nil || r.needsKeyframe && !p.Key {
			continue
		}
		r.needsKeyframe = false
		moved = append(moved, r.sendToAll(p)...)
	}
	r.mu.Unlock()
	r.hub.leave(moved)
}

// sendToAll hands one packet to all subscriptions. It returns the subscriptions that moved from another rendition to r
// at this packet. r.mu is held.
func (r *rendition) sendToAll(p mixer.Packet) (moved []*VideoSubscription) {
	r.meter.Add(len(p.Data))
	r.lastPTS = p.PTS
	shared := NewPacket(p)
	for _, s := range r.subs {
		if s.deliver(r, shared, r.layout) {
			moved = append(moved, s)
		}
	}
	return moved
}

// leave releases the renditions that subs got before they moved.
func (h *Hub) leave(subs []*VideoSubscription) {
	for _, s := range subs {
		s.leaveReplaced()
	}
}

// end stops the passthrough of the rendition, if it has one.
func (r *rendition) end() {
	if r.passthrough != nil {
		r.passthrough.stop()
	}
}

// refresh requests a keyframe. The engine makes the keyframe, or requests it from the source that is passed through.
func (r *rendition) refresh() {
	if r.passthrough != nil {
		r.passthrough.keyframeRequested()
	}
	r.hub.engine.Send(mixer.RequestKeyframe{Rendition: r.id})
}

// stats describes the video that the subscriptions get now.
func (r *rendition) stats() mixer.RenditionStats {
	rate, passing := r.meter.Read(), r.passingFormat.Load()
	sent := *cmp.Or(passing, &format{r.info.Codec, r.info.Size})
	return mixer.RenditionStats{
		ID: r.id, View: r.info.View, Codec: sent.codec, Width: sent.size.W, Height: sent.size.H,
		FPS: rate.PerSecond, Bitrate: rate.Bits, Passed: passing != nil,
	}
}

// measured returns the hub's statistics of r, which describe the packets that were sent. View, Sinks and Skipped are those of
// the engine's statistics.
func (r *rendition) measured(engine mixer.RenditionStats) mixer.RenditionStats {
	sent := r.stats()
	sent.View, sent.Sinks, sent.Skipped = engine.View, engine.Sinks, engine.Skipped
	return sent
}
