package engine

import (
	"fmt"
	"slices"

	"azulejo/mixer"
)

// videoKey identifies a rendition of a view. profile, also and exact are zero for views that do not allow passthrough.
type videoKey struct {
	view     string
	id, also mixer.Codec
	size     mixer.Size
	profile  uint8
	exact    bool // video that is larger than size is not passed through
}

// subscriber is one subscription to video. The control loop owns it.
type subscriber struct {
	id      mixer.SubscriptionID
	watches mixer.Watching             // as it was assigned last
	key     videoKey                   // of the rendition that it was assigned last
	holds   map[*videoRendition]struct{} // that it was assigned and has not left
	changes int                        // number of the newest assignment; older ones that still wait are dropped
}

// videoEntry is a rendition that runs, or one whose encoder is being opened. The control loop owns it.
type videoEntry struct {
	rendition *videoRendition     // nil while it is being opened
	pending   []pendingAssignment // that wait for the rendition
}

// pendingAssignment is an assignment that waits until an encoder is open.
type pendingAssignment struct {
	assignment
	change int // value of subscriber.changes
}

// assignment is a rendition for a subscriber, by key.
type assignment struct {
	sub      *subscriber
	request  mixer.RequestID // to be answered; zero: none
	watching mixer.Watching
	rungs    []mixer.Rung
	key      videoKey
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

// change moves a subscription to other video.
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
	now, next := sub.watches, c.Watching
	next.Codec, next.Also, next.Profile, next.Keep = now.Codec, now.Also, now.Profile, now.Keep
	m.moveTo(sub, next, c.Request)
}

// moveTo assigns sub the rendition that w describes. The rendition is opened first if it does not run. After an error sub
// keeps its rendition.
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

// refuseAssignment answers with an error. A subscription that was never assigned a rendition is removed.
func (m *Engine) refuseAssignment(a assignment, err error) {
	if a.request == 0 {
		m.log.Error("view not changed for a viewer", "error", err)
	}
	m.answer(a.request, err)
	if len(a.sub.holds) == 0 && a.sub.changes <= 1 {
		delete(m.subs, a.sub.id)
	}
}

// startOpening opens the rendition with that key in a goroutine, because that may take milliseconds.
func (m *Engine) startOpening(v mixer.View, key videoKey, e *videoEntry) {
	m.opening.Go(func() {
		r, err := m.openRendition(v, key)
		m.control.post(func() { m.opened(key, e, r, err) })
	})
}

// openRendition opens an encoder, and starts the view with its first rendition.
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

// opened assigns a rendition that was opened to the subscriptions that wait for it.
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

// assign moves a subscription to a rendition that runs.
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

// leave releases one rendition that a subscription holds. If the rendition was assigned again while Leave was on its way,
// the subscription keeps it and waits for a keyframe.
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

func (m *Engine) releaseRendition(sub *subscriber, r *videoRendition) {
	delete(sub.holds, r)
	r.removeHolder(sub)
	m.closeUnused(r)
}

// closeUnused closes a rendition without holders.
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

// video returns nil for a rendition that does not run.
func (m *Engine) video(id mixer.RenditionID) *videoRendition {
	for _, e := range m.videos {
		if e.rendition != nil && e.rendition.id == id {
			return e.rendition
		}
	}
	return nil
}

// videoStats describes all renditions of views, those with the most subscriptions first.
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

// copyView copies the personal view, because the caller owns it.
func copyView(w mixer.Watching) mixer.Watching {
	if w.View != nil {
		v := *w.View
		v.Exclude, v.Tiles = slices.Clone(v.Exclude), slices.Clone(v.Tiles)
		w.View = &v
	}
	return w
}

// resolve returns the normalized view that w names or contains.
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

// spotlightByName replaces the id of the source in the spotlight by its name, if no other source has that name. So views
// that use the id and views that use the name are equal, and share renditions.
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

// sizes returns the sizes that a view can be encoded in now for a subscription, the largest first.
func (m *Engine) sizes(v mixer.View, w mixer.Watching) []mixer.Size {
	sizes := mixer.Ladder(mixer.Size{W: v.Width, H: v.Height}, m.cfg.Rungs)
	if m.overload() >= overloadRung && !w.Keep && len(sizes) > 1 {
		return sizes[1:]
	}
	return sizes
}

// keyOf returns the key of the rendition of v that w describes.
func (m *Engine) keyOf(v mixer.View, w mixer.Watching) (videoKey, error) {
	sizes := m.sizes(v, w)
	size, err := mixer.PickSize(sizes, w.Rung)
	key := videoKey{view: v.Key(), id: w.Codec, size: size}
	if v.Alone() && !m.cfg.Clock && size == sizes[0] {
		key.profile, key.also = w.Profile, w.Also
		key.exact = w.Profile != 0 && (!w.Auto() || v.Width < m.cfg.Width || v.Height < m.cfg.Height)
	}
	return key, err
}

// reassign assigns renditions anew to the subscriptions to a named view, or to all if name is empty. The function to
// changes their Watching.
func (m *Engine) reassign(name string, to func(mixer.Watching) mixer.Watching) {
	for _, sub := range m.subs {
		if name == "" || watchesView(sub.watches, name) {
			m.moveTo(sub, to(sub.watches), 0)
		}
	}
}

// watchesView reports whether w names that view.
func watchesView(w mixer.Watching, name string) bool {
	return w.View == nil && (w.Name == name || w.Name == "" && name == mixer.MainView)
}

// setView defines a named view. The hub has validated it.
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

// deleteView removes a named view. MainView becomes the zero View.
func (m *Engine) deleteView(name string) {
	m.mu.Lock()
	delete(m.named, name)
	if name == mixer.MainView {
		m.named[mixer.MainView] = mixer.View{}
	}
	m.mu.Unlock()
	m.reassign(name, func(w mixer.Watching) mixer.Watching { w.Name = ""; return w })
}

// acquireView adds a hold to the running view of v, which is started if it does not run.
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

// releaseView removes a hold. Without holds the view is stopped.
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
