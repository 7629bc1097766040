package engine

import (
	"fmt"
	"slices"

	"azulejo/mixer"
)

// videoKey names a rendition of a view. profile, also and exact are of subscriptions that may be sent a source's own
// packets; they are zero for all views that are always composed.
type videoKey struct {
	view     string
	id, also mixer.Codec
	size     mixer.Size
	profile  uint8
	exact    bool // no larger video than size is passed through
}

// subscriber is one subscription to video. The control loop owns it.
type subscriber struct {
	id      mixer.SubscriptionID
	watches mixer.Watching
	key     videoKey                     // of the rendition that it was assigned last
	holds   map[*videoRendition]struct{} // that it was assigned and has not left
	changes int                          // how often something was asked for; an older answer means nothing
}

// videoEntry is a rendition, or one whose encoder is being opened. The control loop owns it.
type videoEntry struct {
	rendition *videoRendition // nil while it is being opened
	waiting   []waiting       // for that
}

// waiting is a subscriber that waits for an encoder.
type waiting struct {
	wish
	change int // of subscriber.changes
}

// wish is a subscriber and what it asks for.
type wish struct {
	sub      *subscriber
	request  mixer.RequestID // to be answered; zero: none
	watching mixer.Watching
	rungs    []mixer.Rung
	key      videoKey
}

// watch makes a subscription.
func (m *Engine) watch(c mixer.Watch) {
	if id := c.Watching.Codec; id != mixer.H264 && id != mixer.VP8 {
		m.answer(c.Request, fmt.Errorf("watch as %q: accepted are h264, vp8: %w", id, mixer.ErrUnsupported))
		return
	}
	sub := &subscriber{id: c.Subscription, holds: map[*videoRendition]struct{}{}}
	m.subs[sub.id] = sub
	m.lead(sub, c.Watching, c.Request)
}

// change moves a subscription to other video.
func (m *Engine) change(c mixer.Change) {
	sub := m.subs[c.Subscription]
	if sub == nil {
		err := mixer.ErrClosed
		if m.sound.renditions.has(c.Subscription) {
			err = mixer.ErrUnsupported
		}
		m.answer(c.Request, fmt.Errorf("change a subscription: %w", err))
		return
	}
	now, next := sub.watches, c.Watching
	next.Codec, next.Also, next.Profile, next.Keep = now.Codec, now.Also, now.Profile, now.Keep
	m.lead(sub, next, c.Request)
}

// lead assigns sub the rendition that w asks for, which is opened if need be. After an error it stays where it was.
func (m *Engine) lead(sub *subscriber, w mixer.Watching, request mixer.RequestID) {
	v, err := m.resolve(w)
	next := wish{sub: sub, request: request, watching: own(w)}
	if err == nil {
		next.key, err = m.keyOf(v, w)
	}
	if err == nil && m.ending {
		err = errClosed()
	}
	if err != nil {
		m.refuseWish(next, err)
		return
	}
	next.rungs = m.cfg.WithBitrates(m.sizes(v, w))
	sub.changes++
	e := m.videos[next.key]
	switch {
	case e == nil:
		e = &videoEntry{waiting: []waiting{{next, sub.changes}}}
		m.videos[next.key] = e
		m.open(v, next.key, e)
	case e.rendition == nil:
		e.waiting = append(e.waiting, waiting{next, sub.changes})
	default:
		m.assign(next, e.rendition)
	}
}

// refuseWish answers with an error. A subscriber that never got anything is forgotten.
func (m *Engine) refuseWish(w wish, err error) {
	if w.request == 0 {
		m.log.Error("view not changed for a viewer", "error", err)
	}
	m.answer(w.request, err)
	if len(w.sub.holds) == 0 && w.sub.changes <= 1 {
		delete(m.subs, w.sub.id)
	}
}

// open begins the rendition of key in a goroutine, which may take milliseconds, and the view with its first rendition.
func (m *Engine) open(v mixer.View, key videoKey, e *videoEntry) {
	m.opening.Go(func() {
		r, err := m.openRendition(v, key)
		m.control.post(func() { m.opened(key, e, r, err) })
	})
}

func (m *Engine) openRendition(v mixer.View, key videoKey) (*videoRendition, error) {
	on, err := m.acquire(v)
	if err != nil {
		return nil, err
	}
	r, err := newVideoRendition(m, key, on)
	if err != nil {
		m.release(on)
		return nil, err
	}
	return r, nil
}

// opened assigns a rendition to those who waited for it.
func (m *Engine) opened(key videoKey, e *videoEntry, r *videoRendition, err error) {
	all := e.waiting
	e.rendition, e.waiting = r, nil
	if err != nil {
		delete(m.videos, key)
	}
	for _, w := range all {
		switch {
		case err != nil:
			m.refuseWish(w.wish, err)
		case m.subs[w.sub.id] != w.sub || w.sub.changes != w.change:
			m.answer(w.request, nil) // it was closed, or asked for something else meanwhile
		default:
			m.assign(w.wish, r)
		}
	}
	if err == nil {
		m.endUnused(r)
	}
}

// assign leads a subscriber to a rendition that runs.
func (m *Engine) assign(w wish, r *videoRendition) {
	sub := w.sub
	_, held := sub.holds[r]
	sub.holds[r] = struct{}{}
	sub.key, sub.watches = w.key, w.watching
	r.enter(sub)
	m.emit(mixer.Assigned{Subscription: sub.id, Rendition: r.id, Info: r.info(), Rungs: w.rungs})
	r.start()
	if !held {
		r.refresh()
	}
	m.answer(w.request, nil)
}

// leave gives up one rendition of a subscriber. If that was assigned again while Leave was on its way, the subscriber
// keeps it and waits for a keyframe.
func (m *Engine) leave(c mixer.Leave) {
	sub, r := m.subs[c.Subscription], m.video(c.Rendition)
	switch {
	case sub == nil || r == nil:
	case sub.key == r.key:
		r.refresh()
	default:
		m.drop(sub, r)
	}
}

func (m *Engine) drop(sub *subscriber, r *videoRendition) {
	delete(sub.holds, r)
	r.exit(sub)
	m.endUnused(r)
}

// endUnused ends a rendition that nobody holds.
func (m *Engine) endUnused(r *videoRendition) {
	if len(r.held) > 0 {
		return
	}
	delete(m.videos, r.key)
	m.closing.Go(func() {
		r.close()
		m.emit(mixer.Ended{Rendition: r.id})
	})
}

// unsubscribe ends a subscription of either kind.
func (m *Engine) unsubscribe(id mixer.SubscriptionID) {
	if sub := m.subs[id]; sub != nil {
		delete(m.subs, id)
		for r := range sub.holds {
			m.drop(sub, r)
		}
		return
	}
	m.sound.renditions.drop(id)
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

// listen subscribes to audio.
func (m *Engine) listen(c mixer.Listen) {
	if c.Codec != mixer.Opus && c.Codec != mixer.AAC {
		m.answer(c.Request, fmt.Errorf("listen as %q: accepted are opus, aac: %w", c.Codec, mixer.ErrUnsupported))
		return
	}
	m.answer(c.Request, m.sound.renditions.add(c.Codec, m.source(c.Exclude), c.Subscription))
}

// own copies the personal view, which belongs to the caller.
func own(w mixer.Watching) mixer.Watching {
	if w.View != nil {
		v := *w.View
		v.Exclude, v.Tiles = slices.Clone(v.Exclude), slices.Clone(v.Tiles)
		w.View = &v
	}
	return w
}

// resolve finds the view that is asked for.
func (m *Engine) resolve(w mixer.Watching) (mixer.View, error) {
	if w.View != nil {
		if err := w.View.Validate(); err != nil {
			return mixer.View{}, err
		}
		return m.byName(normalize(*w.View, m.cfg)), nil
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
	return m.byName(normalize(v, m.cfg)), nil
}

// byName is v with the name of the source in the spotlight instead of its id, where nobody else has that name: who asks
// for it by the one and by the other share a picture.
func (m *Engine) byName(v mixer.View) mixer.View {
	all := m.snapshot()
	i := slices.IndexFunc(all, func(s *Source) bool { return s.cfg.ID == v.Spotlight })
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

// sizes are those that the view is encoded in now for who watches it, largest first.
func (m *Engine) sizes(v mixer.View, w mixer.Watching) []mixer.Size {
	sizes := mixer.Ladder(mixer.Size{W: v.Width, H: v.Height}, m.cfg.Rungs)
	if m.overload() >= overloadRung && !w.Keep && len(sizes) > 1 {
		return sizes[1:]
	}
	return sizes
}

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

// reassign leads the subscribers of a named view, or all if name is empty, to what that is now, or to another.
func (m *Engine) reassign(name string, to func(mixer.Watching) mixer.Watching) {
	for _, sub := range m.subs {
		if name == "" || names(sub.watches, name) {
			m.lead(sub, to(sub.watches), 0)
		}
	}
}

// names tells whether the view of that name is watched.
func names(w mixer.Watching, name string) bool {
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

// deleteView removes a named view; main becomes the zero View.
func (m *Engine) deleteView(name string) {
	m.mu.Lock()
	delete(m.named, name)
	if name == mixer.MainView {
		m.named[mixer.MainView] = mixer.View{}
	}
	m.mu.Unlock()
	m.reassign(name, func(w mixer.Watching) mixer.Watching { w.Name = ""; return w })
}

// acquire holds the running view that shows v, or starts it.
func (m *Engine) acquire(v mixer.View) (*view, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	on, ok := m.views[v.Key()]
	if !ok {
		var err error
		if on, err = newView(v, m); err != nil {
			return nil, err
		}
		m.views[v.Key()] = on
		on.start()
	}
	on.holders++
	return on, nil
}

// release ends a view with its last holder.
func (m *Engine) release(v *view) {
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
