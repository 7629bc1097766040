package engine

import (
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// passOffer is what a rendition knows of passthrough: which source its view shows alone, and whether the server's side
// sends that source's packets instead of the rendition's. The nil offer is never made.
type passOffer struct {
	rendition *videoRendition

	mu     sync.Mutex
	source *source // nil: none is offered
	number uint64  // of the newest offer
	passes bool    // nothing is to be encoded
	fresh  bool    // the next frame has to be a keyframe
}

// make offers a source, nil for none. Only the view's ticker calls it.
func (o *passOffer) make(s *source, shows *mixer.Layout) {
	if o == nil {
		return
	}
	o.mu.Lock()
	same := o.source == s
	if !same {
		o.source = s
		o.number++
		o.stop()
	}
	number := o.number
	o.mu.Unlock()
	if same {
		return
	}
	offer := mixer.OfferPassthrough{Rendition: o.rendition.id, Offer: number}
	if s != nil {
		offer.Source = s.id
		o.rendition.describe(shows)
	}
	o.rendition.engine.emit(offer)
}

// stop goes back to encoding; o.mu is held.
func (o *passOffer) stop() {
	o.fresh = o.fresh || o.passes
	o.passes = false
}

// set notes what the server's side says of the newest offer.
func (o *passOffer) set(number uint64, active bool) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case number != o.number || o.source == nil:
	case active:
		o.passes = true
	default:
		o.stop()
	}
}

// active tells whether nothing is to be encoded.
func (o *passOffer) active() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.passes
}

// over tells whether packets of a source were sent until now, so that a keyframe has to follow.
func (o *passOffer) over() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fresh
}

// ended is over, once.
func (o *passOffer) ended() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	was := o.fresh
	o.fresh = false
	return was
}

// refresh asks the offered source for a keyframe.
func (o *passOffer) refresh() {
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

// pass offers the source that the view shows alone to the renditions that take it, and returns those that are to be
// encoded.
func (v *view) pass(outs []*videoRendition) []*videoRendition {
	only := v.passable()
	return slices.DeleteFunc(outs, func(r *videoRendition) bool {
		r.pass.make(only, v.shows.Load())
		return r.pass.active()
	})
}

// passable is the source that the view shows alone and live; nil when it shows anything else, and before the first layout.
func (v *view) passable() *source {
	if !v.spec.Alone() || v.scene.large == nil || v.shows.Load() == nil {
		return nil
	}
	if !v.scene.large.sends(time.Now()) {
		return nil
	}
	return v.scene.large
}

// describePassed sends a new layout to the renditions that are not encoded.
func (v *view) describePassed() {
	for _, r := range v.outs() {
		if r.pass.active() {
			r.describe(v.shows.Load())
		}
	}
}
