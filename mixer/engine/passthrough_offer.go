package engine

import (
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// passthroughOffer is the state of passthrough of one rendition: the source that is offered to the hub, and whether the hub
// sends the packets of this source instead of the rendition's packets. Methods of a nil passthroughOffer do nothing and return
// false. Safe for concurrent use.
type passthroughOffer struct {
	rendition *videoRendition

	mu         sync.Mutex
	source     *source // the source that is offered; nil: none
	number     uint64  // number of the newest offer or withdrawal
	passing    bool    // the hub sends the packets of source, so nothing is encoded
	keyPending bool    // passthrough has ended, and no keyframe has been encoded since
}

// offer offers the source s to the hub, or withdraws the last offer if s is nil. It does nothing if s is already offered. A new
// offer ends passthrough of the old source. layout is the view's layout, which is sent first. Only the view's ticker calls
// offer.
func (o *passthroughOffer) offer(s *source, layout *mixer.Layout) {
	if o == nil {
		return
	}
	o.mu.Lock()
	same := o.source == s
	if !same {
		o.source = s
		o.number++
		o.resumeEncoding()
	}
	number := o.number
	o.mu.Unlock()
	if same {
		return
	}
	e := mixer.OfferPassthrough{Rendition: o.rendition.id, Offer: number}
	if s != nil {
		e.Source = s.id
		o.rendition.sendLayout(layout)
	}
	o.rendition.engine.emit(e)
}

// resumeEncoding ends passthrough if it is active. The caller must hold o.mu.
func (o *passthroughOffer) resumeEncoding() {
	o.keyPending = o.keyPending || o.passing
	o.passing = false
}

// set starts or ends passthrough at the request of the hub. number is the number of the offer that the hub means. The request is
// ignored if this is not the newest offer.
func (o *passthroughOffer) set(number uint64, active bool) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case number != o.number || o.source == nil:
	case active:
		o.passing = true
	default:
		o.resumeEncoding()
	}
}

// active reports whether the hub sends the source's packets, so that nothing is encoded.
func (o *passthroughOffer) active() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.passing
}

// keyframeDue reports whether passthrough has ended and no keyframe has been encoded since. Then the next encoded frame must be a
// keyframe.
func (o *passthroughOffer) keyframeDue() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keyPending
}

// clearKeyframeDue returns the same as keyframeDue. After that, keyframeDue returns false until passthrough ends again.
func (o *passthroughOffer) clearKeyframeDue() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	due := o.keyPending
	o.keyPending = false
	return due
}

// requestKeyframe requests a keyframe from the source that is offered, if any.
func (o *passthroughOffer) requestKeyframe() {
	if o == nil {
		return
	}
	o.mu.Lock()
	s := o.source
	o.mu.Unlock()
	if s != nil {
		s.video.requestKeyframe()
	}
}

// offerPassthrough updates the offers of the given renditions. It returns the renditions that have to be encoded. The result
// reuses the memory of renditions.
func (v *view) offerPassthrough(renditions []*videoRendition) []*videoRendition {
	only := v.passable()
	return slices.DeleteFunc(renditions, func(r *videoRendition) bool {
		r.passthrough.offer(only, v.layout.Load())
		return r.passthrough.active()
	})
}

// passable returns the source whose packets may be sent instead of the composed view: the only source that the view shows. It
// returns nil if the view shows anything else, if the source sends no video, and before the first layout.
func (v *view) passable() *source {
	if !v.spec.Alone() || v.scene.large == nil || v.layout.Load() == nil {
		return nil
	}
	if !v.scene.large.sends(time.Now()) {
		return nil
	}
	return v.scene.large
}

// sendPassthroughLayouts sends the view's layout, if it is new, for each rendition that is passed through.
func (v *view) sendPassthroughLayouts() {
	for _, r := range v.attached() {
		if r.passthrough.active() {
			r.sendLayout(v.layout.Load())
		}
	}
}
