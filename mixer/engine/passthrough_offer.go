package engine

import (
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// passthroughOffer is the state of passthrough of one rendition: the source that its view shows alone, and whether the
// server's side sends the packets of that source instead of the rendition's. Methods of a nil offer do nothing. Safe for
// concurrent use.
type passthroughOffer struct {
	rendition *videoRendition

	mu      sync.Mutex
	source  *source // nil: none is offered
	number  uint64  // of the newest offer
	on      bool    // packets are passed through: nothing is encoded
	keyNext bool    // passthrough has ended: the next encoded frame has to be a keyframe
}

// offer offers a source, or withdraws the last offer if s is nil. Only the view's ticker calls it.
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

// resumeEncoding ends passthrough. o.mu is held.
func (o *passthroughOffer) resumeEncoding() {
	o.keyNext = o.keyNext || o.on
	o.on = false
}

// set starts or ends passthrough at the request of the server's side. A request for an older offer is ignored.
func (o *passthroughOffer) set(number uint64, active bool) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case number != o.number || o.source == nil:
	case active:
		o.on = true
	default:
		o.resumeEncoding()
	}
}

// active reports whether packets are passed through, so that nothing is encoded.
func (o *passthroughOffer) active() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}

// keyframeDue reports whether passthrough has ended and no keyframe was encoded since.
func (o *passthroughOffer) keyframeDue() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keyNext
}

// clearKeyframeDue returns keyframeDue, and resets it.
func (o *passthroughOffer) clearKeyframeDue() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	due := o.keyNext
	o.keyNext = false
	return due
}

// requestKeyframe requests a keyframe of the offered source.
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

// offerPassthrough updates the offers of all renditions, and returns the renditions that have to be encoded.
func (v *view) offerPassthrough(all []*videoRendition) []*videoRendition {
	only := v.passable()
	return slices.DeleteFunc(all, func(r *videoRendition) bool {
		r.passthrough.offer(only, v.layout.Load())
		return r.passthrough.active()
	})
}

// passable returns the source that the view shows alone and live. It is nil if the view shows anything else, and before
// the first layout.
func (v *view) passable() *source {
	if !v.spec.Alone() || v.scene.large == nil || v.layout.Load() == nil {
		return nil
	}
	if !v.scene.large.sends(time.Now()) {
		return nil
	}
	return v.scene.large
}

// sendPassthroughLayouts sends a new layout to the renditions that are passed through.
func (v *view) sendPassthroughLayouts() {
	for _, r := range v.attached() {
		if r.passthrough.active() {
			r.sendLayout(v.layout.Load())
		}
	}
}
