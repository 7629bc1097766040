package engine

import (
	"fmt"
	"maps"
	"slices"

	"azulejo/mixer"
)

// pictureKey names a rendition of a view. profile, also and exact, of sinks that may be passed a source's own packets,
// are zero for all views that are always composed.
type pictureKey struct {
	view     string
	id, also mixer.Codec
	size     mixer.Size
	profile  uint8
	exact    bool // no larger pictures are passed on than size
}

// Watch gives s the pictures of a view as H264 or VP8, from a key picture on, until the subscription is
// closed. All who watch the same share one encoder. An unknown name is ErrNoView.
func (m *Mixer) Watch(w mixer.Watching, s Sink) (*Subscription, error) {
	if w.Codec != mixer.H264 && w.Codec != mixer.VP8 {
		return nil, fmt.Errorf("watch as %q: accepted are h264, vp8: %w", w.Codec, mixer.ErrUnsupported)
	}
	sub := newSubscription(s, m.depart)
	sub.keep = w.Keep
	sub.change = func(next mixer.Watching) error {
		next.Codec, next.Also, next.Profile, next.Keep = w.Codec, w.Also, w.Profile, w.Keep
		return m.lead(sub, next)
	}
	sub.forget = func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watched, sub)
	}
	if err := m.lead(sub, w); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watched[sub] = struct{}{}
	return sub, nil
}

// lead moves sub to what w asks for, unless it is there. After an error it stays where it was.
func (m *Mixer) lead(sub *Subscription, w mixer.Watching) error {
	m.leading.Lock()
	defer m.leading.Unlock()
	return m.leadNow(sub, w)
}

// leadNow is lead for who holds the lock.
func (m *Mixer) leadNow(sub *Subscription, w mixer.Watching) error {
	v, err := m.resolve(w)
	if err != nil {
		return err
	}
	key, err := m.pictureKey(v, w)
	if err != nil {
		return err
	}
	if sub.key != key {
		if err := m.pictures.join(key, sub, func() (*picture, error) { return m.begin(v, key) }); err != nil {
			return err
		}
	}
	sub.key, sub.watches = key, own(w)
	sub.offer(m.cfg.WithBitrates(m.sizes(v, w)))
	return nil
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
func (m *Mixer) resolve(w mixer.Watching) (mixer.View, error) {
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
func (m *Mixer) byName(v mixer.View) mixer.View {
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
func (m *Mixer) sizes(v mixer.View, w mixer.Watching) []mixer.Size {
	sizes := mixer.Ladder(mixer.Size{W: v.Width, H: v.Height}, m.cfg.Rungs)
	if m.Overload() >= overloadRung && !w.Keep && len(sizes) > 1 {
		return sizes[1:]
	}
	return sizes
}

func (m *Mixer) pictureKey(v mixer.View, w mixer.Watching) (pictureKey, error) {
	sizes := m.sizes(v, w)
	size, err := mixer.PickSize(sizes, w.Rung)
	key := pictureKey{view: v.Key(), id: w.Codec, size: size}
	if v.Alone() && !m.cfg.Clock && size == sizes[0] {
		key.profile, key.also = w.Profile, w.Also
		key.exact = w.Profile != 0 && (!w.Auto() || v.Width < m.cfg.Width || v.Height < m.cfg.Height)
	}
	return key, err
}

// relead moves those who watch a view of that name, or all if it is empty, to what that is now, or to another.
// An error leaves them where they are.
func (m *Mixer) relead(name string, to func(mixer.Watching) mixer.Watching) {
	m.mu.Lock()
	all := slices.Collect(maps.Keys(m.watched))
	m.mu.Unlock()
	for _, sub := range all {
		if err := m.releadOne(sub, name, to); err != nil {
			m.log.Error("view not changed for a viewer", "error", err)
		}
	}
}

func (m *Mixer) releadOne(sub *Subscription, name string, to func(mixer.Watching) mixer.Watching) error {
	m.leading.Lock()
	defer m.leading.Unlock()
	if name != "" && !names(sub.watches, name) {
		return nil
	}
	return m.leadNow(sub, to(sub.watches))
}

// names tells whether the view of that name is watched.
func names(w mixer.Watching, name string) bool {
	return w.View == nil && (w.Name == name || w.Name == "" && name == mixer.MainView)
}

// SetView gives the view of that name another meaning, or makes it; those who watch it see the change at
// the next key picture. The error names the field that is wrong and what is accepted.
func (m *Mixer) SetView(name string, v mixer.View) error {
	if err := v.Validate(); err != nil {
		return err
	}
	m.mu.Lock()
	m.named[name] = v
	m.mu.Unlock()
	m.relead(name, func(w mixer.Watching) mixer.Watching { return w })
	return nil
}

// DeleteView removes a named view; those who watch it see main from then on. main goes back to what the
// zero View is. False means that there was none.
func (m *Mixer) DeleteView(name string) bool {
	m.mu.Lock()
	_, ok := m.named[name]
	delete(m.named, name)
	if name == mixer.MainView {
		m.named[mixer.MainView] = mixer.View{}
	}
	m.mu.Unlock()
	if ok {
		m.relead(name, func(w mixer.Watching) mixer.Watching { w.Name = ""; return w })
	}
	return ok
}

// Views returns the named views; the caller may keep the map.
func (m *Mixer) Views() map[string]mixer.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.named)
}

// begin starts a rendition and, with the first of a view, the view.
func (m *Mixer) begin(v mixer.View, key pictureKey) (*picture, error) {
	on, err := m.acquire(v)
	if err != nil {
		return nil, err
	}
	r, err := newPicture(key, on, m.cfg, on.log)
	if err != nil {
		m.release(on)
		return nil, err
	}
	r.ended = func() {
		on.detach(r)
		m.release(on)
	}
	on.attach(r)
	return r, nil
}

// acquire holds the running view that shows v, or starts it.
func (m *Mixer) acquire(v mixer.View) (*view, error) {
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
func (m *Mixer) release(v *view) {
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
