package engine

import (
	"fmt"
	"slices"

	"azulejo/mixer"
)

// videoKey identifies a rendition of a view. In views that do not allow passthrough, profile, also and exact are zero.
type videoKey struct {
	view    string      // View.Key of the normalized view
	codec   mixer.Codec // codec of the rendition
	also    mixer.Codec // another codec that all its subscribers can decode; empty: none
	size    mixer.Size
	profile uint8 // highest H.264 profile_idc that may be passed through
	exact   bool  // a source whose frames are larger than size is not passed through
}

// subscriber is one subscription to video. The control loop owns it.
type subscriber struct {
	id      mixer.SubscriptionID
	watches mixer.Watching               // what the subscription watches, as of its last assignment
	key     videoKey                     // key of the rendition that was assigned last
	holds   map[*videoRendition]struct{} // the renditions that were assigned and that no Leave has named yet
	changes int                          // number of assignments that were asked for; all pending ones except the newest are dropped
}

// videoEntry is a rendition that runs or that is being opened. The control loop owns it.
type videoEntry struct {
	rendition *videoRendition     // nil while it is being opened
	pending   []pendingAssignment // assignments that wait for the rendition
}

// pendingAssignment is an assignment that waits until its encoder is open.
type pendingAssignment struct {
	assignment
	change int // value of subscriber.changes when the assignment was asked for
}

// assignment assigns the rendition with the given key to sub.
type assignment struct {
	sub      *subscriber
	request  mixer.RequestID // the request that asked for it; zero: none
	watching mixer.Watching
	rungs    []mixer.Rung // the rungs that the subscription may choose from
	key      videoKey     // of the rendition to assign
}

// watch adds a subscription to video.
func (m *Engine) watch(c mixer.Watch) {
	if id := c.Watching.Codec; id != mixer.H264 && id != mixer.VP8 {
		m.answer(c.Request, fmt.Errorf("watch as %q: accepted are h264, vp8: %w", id, mixer.ErrUnsupported))
		return
	}
	sub := &subscriber{id: c.Subscription, holds: map[*videoRendition]struct{}{}}
	m.subs[sub.id] = sub
	m.moveTo(sub, c.Watching, c.Request)
}

// change moves a subscription to other video. Codec, Also, Profile and Keep stay as in the Watch command.
func (m *Engine) change(c mixer.Change) {
	sub := m.subs[c.Subscription]
	if sub == nil {
		err := mixer.ErrClosed
		if m.audio.subscribers.has(c.Subscription) {
			err = mixer.ErrUnsupported
		}
		m.answer(c.Request, fmt.Errorf("change a subscription: %w", err))
		return
	}
	old, next := sub.watches, c.Watching
	next.Codec, next.Also, next.Profile, next.Keep = old.Codec, old.Also, old.Profile, old.Keep
	m.moveTo(sub, next, c.Request)
}

// moveTo assigns to sub the rendition that w describes. If the rendition does not run, moveTo starts to open it, and the
// assignment follows when it is open. After an error sub keeps its old rendition. request is answered in every case.
func (m *Engine) moveTo(sub *subscriber, w mixer.Watching, request mixer.RequestID) {
	v, err := m.resolve(w)
	next := assignment{sub: sub, request: request, watching: copyView(w)}
	if err == nil {
		next.key, err = m.keyOf(v, w)
	}
	if err == nil && m.stopped {
		err = errClosed()
	}
	if err != nil {
		m.refuseAssignment(next, err)
		return
	}
	next.rungs = m.cfg.WithBitrates(m.sizes(v, w))
	sub.changes++
	e := m.videos[next.key]
	switch {
	case e == nil:
		e = &videoEntry{pending: []pendingAssignment{{next, sub.changes}}}
		m.videos[next.key] = e
		m.startOpening(v, next.key, e)
	case e.rendition == nil:
		e.pending = append(e.pending, pendingAssignment{next, sub.changes})
	default:
		m.assign(next, e.rendition)
	}
}

// refuseAssignment answers the request of a with err. A subscription that was never assigned a rendition is removed.
func (m *Engine) refuseAssignment(a assignment, err error) {
	if a.request == 0 {
		m.log.Error("view not changed for a viewer", "error", err)
	}
	m.answer(a.request, err)
	if len(a.sub.holds) == 0 && a.sub.changes <= 1 {
		delete(m.subs, a.sub.id)
	}
}

// startOpening opens the rendition with the given key in a goroutine of its own, because opening an encoder takes milliseconds.
func (m *Engine) startOpening(v mixer.View, key videoKey, e *videoEntry) {
	m.opening.Go(func() {
		r, err := m.openRendition(v, key)
		m.control.post(func() { m.opened(key, e, r, err) })
	})
}

// openRendition opens a rendition of the view v. It starts v if v does not run.
func (m *Engine) openRendition(v mixer.View, key videoKey) (*videoRendition, error) {
	running, err := m.acquireView(v)
	if err != nil {
		return nil, err
	}
	r, err := newVideoRendition(m, key, running)
	if err != nil {
		m.releaseView(running)
		return nil, err
	}
	return r, nil
}

// opened is called in the control loop when startOpening has opened the rendition r, or has failed with err. It assigns r to
// the subscriptions that wait for r. After an error it refuses their requests.
func (m *Engine) opened(key videoKey, e *videoEntry, r *videoRendition, err error) {
	all := e.pending
	e.rendition, e.pending = r, nil
	if err != nil {
		delete(m.videos, key)
	}
	for _, p := range all {
		switch {
		case err != nil:
			m.refuseAssignment(p.assignment, err)
		case m.subs[p.sub.id] != p.sub || p.sub.changes != p.change:
			m.answer(p.request, nil) // the subscription was closed or changed meanwhile
		default:
			m.assign(p.assignment, r)
		}
	}
	if err == nil {
		m.closeUnused(r)
	}
}

// assign assigns the running rendition r to a subscription, and answers its request.
func (m *Engine) assign(a assignment, r *videoRendition) {
	sub := a.sub
	_, held := sub.holds[r]
	sub.holds[r] = struct{}{}
	sub.key, sub.watches = a.key, a.watching
	r.addHolder(sub)
	m.emit(mixer.Assigned{Subscription: sub.id, Rendition: r.id, Info: r.info(), Rungs: a.rungs})
	r.start()
	if !held {
		r.requestKeyframe()
	}
	m.answer(a.request, nil)
}

// leave releases one rendition that a subscription holds. But the subscription keeps the rendition that was assigned last. In
// this case the hub sent Leave before it received the last Assigned. The hub then needs a keyframe, so leave requests one.
func (m *Engine) leave(c mixer.Leave) {
	sub, r := m.subs[c.Subscription], m.video(c.Rendition)
	switch {
	case sub == nil || r == nil:
	case sub.key == r.key:
		r.requestKeyframe()
	default:
		m.releaseRendition(sub, r)
	}
}

// releaseRendition ends the hold of sub on r. It closes r if no other subscription holds r.
func (m *Engine) releaseRendition(sub *subscriber, r *videoRendition) {
	delete(sub.holds, r)
	r.removeHolder(sub)
	m.closeUnused(r)
}

// closeUnused closes r if no subscription holds r.
func (m *Engine) closeUnused(r *videoRendition) {
	if len(r.holders) > 0 {
		return
	}
	delete(m.videos, r.key)
	m.closing.Go(func() {
		r.close()
		m.emit(mixer.Ended{Rendition: r.id})
	})
}

// unsubscribe removes a subscription to video or to audio.
func (m *Engine) unsubscribe(id mixer.SubscriptionID) {
	if sub := m.subs[id]; sub != nil {
		delete(m.subs, id)
		for r := range sub.holds {
			m.releaseRendition(sub, r)
		}
		return
	}
	m.audio.subscribers.remove(id)
}

// video returns the running rendition with the given id. It returns nil if there is none.
func (m *Engine) video(id mixer.RenditionID) *videoRendition {
	for _, e := range m.videos {
		if e.rendition != nil && e.rendition.id == id {
			return e.rendition
		}
	}
	return nil
}

// videoStats returns the statistics of all running renditions of views, those with the most subscriptions first.
func (m *Engine) videoStats() []mixer.RenditionStats {
	all := []mixer.RenditionStats{}
	for _, e := range m.videos {
		if e.rendition != nil {
			all = append(all, e.rendition.stats())
		}
	}
	slices.SortFunc(all, func(a, b mixer.RenditionStats) int { return b.Sinks - a.Sinks })
	return all
}

// listen adds a subscription to audio.
func (m *Engine) listen(c mixer.Listen) {
	if c.Codec != mixer.Opus && c.Codec != mixer.AAC {
		m.answer(c.Request, fmt.Errorf("listen as %q: accepted are opus, aac: %w", c.Codec, mixer.ErrUnsupported))
		return
	}
	m.answer(c.Request, m.audio.subscribers.add(c.Codec, m.source(c.Exclude), c.Subscription))
}

// copyView returns w with a copy of its personal view, because the sender of the command owns the original.
func copyView(w mixer.Watching) mixer.Watching {
	if w.View != nil {
		v := *w.View
		v.Exclude, v.Tiles = slices.Clone(v.Exclude), slices.Clone(v.Tiles)
		w.View = &v
	}
	return w
}

// resolve returns the view that w contains or names, in its normal form. A named view may not exist: mixer.ErrNoView.
func (m *Engine) resolve(w mixer.Watching) (mixer.View, error) {
	if w.View != nil {
		if err := w.View.Validate(); err != nil {
			return mixer.View{}, err
		}
		return m.spotlightByName(normalize(*w.View, m.cfg)), nil
	}
	name := w.Name
	if name == "" {
		name = mixer.MainView
	}
	m.mu.Lock()
	v, ok := m.named[name]
	m.mu.Unlock()
	if !ok {
		return mixer.View{}, fmt.Errorf("view %.64q: %w", name, mixer.ErrNoView)
	}
	return m.spotlightByName(normalize(v, m.cfg)), nil
}

// spotlightByName returns v with a name in Spotlight, if Spotlight is the id of a source. It leaves the id if another source
// is called by the same name. So a view that uses the id equals a view that uses the name, and both share their renditions.
func (m *Engine) spotlightByName(v mixer.View) mixer.View {
	all := m.snapshot()
	i := slices.IndexFunc(all, func(s *source) bool { return s.cfg.ID == v.Spotlight })
	if i < 0 || all[i].cfg.Name == "" {
		return v
	}
	name := all[i].cfg.Name
	for j, s := range all {
		if j != i && s.called(name) {
			return v
		}
	}
	v.Spotlight = name
	return v
}

// sizes returns the sizes in which v may currently be encoded for a subscription that watches w. The largest size comes first.
// It is left out from overloadRung on, unless w.Keep is set or v has no other size.
func (m *Engine) sizes(v mixer.View, w mixer.Watching) []mixer.Size {
	sizes := mixer.EncodedSizes(mixer.Size{W: v.Width, H: v.Height}, m.cfg.Rungs)
	if m.overload() >= overloadRung && !w.Keep && len(sizes) > 1 {
		return sizes[1:]
	}
	return sizes
}

// keyOf returns the key of the rendition of v for a subscription that watches w.
func (m *Engine) keyOf(v mixer.View, w mixer.Watching) (videoKey, error) {
	sizes := m.sizes(v, w)
	size, err := mixer.PickSize(sizes, w.Rung)
	key := videoKey{view: v.Key(), codec: w.Codec, size: size}
	if v.Alone() && !m.cfg.Clock && size == sizes[0] {
		key.profile, key.also = w.Profile, w.Also
		key.exact = w.Profile != 0 && (!w.Auto() || v.Width < m.cfg.Width || v.Height < m.cfg.Height)
	}
	return key, err
}

// reassign assigns renditions anew to all subscriptions to the view with the given name. If name is empty, it does so for all
// subscriptions to video. update returns the new Watching of a subscription for its old one.
func (m *Engine) reassign(name string, update func(mixer.Watching) mixer.Watching) {
	for _, sub := range m.subs {
		if name == "" || watchesView(sub.watches, name) {
			m.moveTo(sub, update(sub.watches), 0)
		}
	}
}

// watchesView reports whether w selects the named view with the given name. An empty w.Name means MainView.
func watchesView(w mixer.Watching, name string) bool {
	return w.View == nil && (w.Name == name || w.Name == "" && name == mixer.MainView)
}

// setView defines or redefines a named view. Its subscriptions move to v. The hub has already validated v.
func (m *Engine) setView(name string, v mixer.View) {
	if err := v.Validate(); err != nil {
		m.log.Error("view not set", "view", name, "error", err)
		return
	}
	m.mu.Lock()
	m.named[name] = v
	m.mu.Unlock()
	m.reassign(name, func(w mixer.Watching) mixer.Watching { return w })
}

// deleteView removes a named view and moves its subscriptions to MainView. MainView itself becomes the zero View.
func (m *Engine) deleteView(name string) {
	m.mu.Lock()
	delete(m.named, name)
	if name == mixer.MainView {
		m.named[mixer.MainView] = mixer.View{}
	}
	m.mu.Unlock()
	m.reassign(name, func(w mixer.Watching) mixer.Watching { w.Name = ""; return w })
}

// acquireView returns the running view that composes v, and starts the view if none runs. The caller becomes a holder of the
// view, and must call releaseView.
func (m *Engine) acquireView(v mixer.View) (*view, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	running, ok := m.views[v.Key()]
	if !ok {
		var err error
		if running, err = newView(v, m); err != nil {
			return nil, err
		}
		m.views[v.Key()] = running
		running.start()
	}
	running.holders++
	return running, nil
}

// releaseView ends one hold of v. It stops v if there are no more holders.
func (m *Engine) releaseView(v *view) {
	m.mu.Lock()
	v.holders--
	last := v.holders == 0
	if last {
		delete(m.views, v.key)
	}
	m.mu.Unlock()
	if last {
		v.stop()
	}
}
