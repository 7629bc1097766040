package engine

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/label"
)

// Engine composes one room. It is commanded by Send and tells what happens by events.
type Engine struct {
	cfg      mixer.Config
	log      *slog.Logger
	emit     func(mixer.Event)
	painter  *painter
	sound    *sound
	governor *governor
	level    atomic.Int32 // of overload; govern sets it
	ids      atomic.Uint64

	ticks, late atomic.Uint64

	feeds    feeds
	control  *mailbox
	closing  sync.WaitGroup                       // renditions on their way out; Add only in the control loop
	removing sync.WaitGroup                       // sources on their way out
	opening  sync.WaitGroup                       // renditions on their way in
	subs     map[mixer.SubscriptionID]*subscriber // owned by the control loop
	videos   map[videoKey]*videoEntry             // owned by the control loop
	ending   bool                                 // owned by the control loop: nothing is opened any more

	mu      sync.Mutex
	sources []*source // in the order of their places
	byID    map[mixer.SourceID]*source
	named   map[string]mixer.View
	views   map[string]*view // that are composed, by key
}

// New prepares an engine; Run makes it live. It calls emit for every event, from any of its goroutines; emit must not
// block. A Config without an Epoch gets one.
func New(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (*Engine, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	font, err := label.Load()
	if err != nil {
		return nil, err
	}
	m := &Engine{
		cfg: cfg, log: log, emit: emit, painter: newPainter(font), governor: newGovernor(), control: newMailbox(),
		subs: map[mixer.SubscriptionID]*subscriber{}, videos: map[videoKey]*videoEntry{},
		byID: map[mixer.SourceID]*source{}, named: map[string]mixer.View{mixer.MainView: {}}, views: map[string]*view{},
	}
	m.sound = newSound(m)
	m.feeds.emit = emit
	return m, nil
}

// Send takes a command. It never blocks. Commands about sources take effect at once, all others in their order in the
// control loop.
func (m *Engine) Send(c mixer.Command) {
	switch c := c.(type) {
	case mixer.WriteVideo:
		if s := m.source(c.Source); s != nil {
			s.writeVideo(c.Layer, c.Packet)
		}
	case mixer.WriteAudio:
		if s := m.source(c.Source); s != nil {
			s.sound.enqueue(c.Packet)
		}
	case mixer.AddSource:
		m.addSource(c.Source, c.Spec)
	case mixer.RemoveSource:
		if s := m.source(c.Source); s != nil && m.remove(s) {
			m.removing.Go(s.close)
		}
	case mixer.MuteSource:
		if s := m.source(c.Source); s != nil {
			s.setMuted(c.Audio, c.Video)
		}
	case mixer.SetAway:
		if s := m.source(c.Source); s != nil {
			s.away.Store(c.Away)
		}
	case mixer.RequestSourceKeyframe:
		if s := m.source(c.Source); s != nil {
			s.video.requestKeyframe()
		}
	case mixer.OpenFeed:
		m.feeds.open(c.Feed, c.Spec)
	case mixer.CloseFeed:
		m.feeds.close(c.Feed)
	case mixer.RequestFeedKeyframe:
		m.feeds.requestKeyframe(c.Feed)
	default:
		if !m.control.post(func() { m.perform(c) }) {
			m.refuse(c)
		}
	}
}

// refuse answers a request after the end.
func (m *Engine) refuse(c mixer.Command) {
	switch c := c.(type) {
	case mixer.Watch:
		m.answer(c.Request, errClosed())
	case mixer.Change:
		m.answer(c.Request, errClosed())
	case mixer.Listen:
		m.answer(c.Request, errClosed())
	case mixer.GetStats:
		m.answer(c.Request, errClosed())
	}
}

func errClosed() error { return fmt.Errorf("use an engine: %w", mixer.ErrClosed) }

// perform does what a command says, in the control loop.
func (m *Engine) perform(c mixer.Command) {
	switch c := c.(type) {
	case mixer.Watch:
		m.watch(c)
	case mixer.Change:
		m.change(c)
	case mixer.Listen:
		m.listen(c)
	case mixer.Leave:
		m.leave(c)
	case mixer.Unsubscribe:
		m.unsubscribe(c.Subscription)
	case mixer.RequestKeyframe:
		if r := m.video(c.Rendition); r != nil {
			r.refresh()
		}
	case mixer.SetPassthrough:
		if r := m.video(c.Rendition); r != nil {
			r.pass.set(c.Offer, c.Active)
		}
	case mixer.SetView:
		m.setView(c.Name, c.View)
	case mixer.DeleteView:
		m.deleteView(c.Name)
	case mixer.GetStats:
		m.emit(mixer.Statistics{Request: c.Request, Stats: m.stats()})
	}
}

// answer ends a request; zero wants no answer.
func (m *Engine) answer(id mixer.RequestID, err error) {
	if id != 0 {
		m.emit(mixer.Answer{Request: id, Failure: mixer.Fail(err)})
	}
}

// Run mixes until ctx ends; then it ends all renditions and views, and waits for sources that were removed. Sources
// that were not removed are closed too.
func (m *Engine) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { m.sound.run(ctx) })
	work.Go(func() { m.govern(ctx) })
	work.Go(func() { m.controlLoop(ctx) })
	work.Wait()
	m.feeds.closeAll()
	m.endAll()
	m.closing.Wait()
	m.removing.Wait()
	return nil
}

// controlLoop does jobs one after the other until ctx ends.
func (m *Engine) controlLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.control.more:
			for _, job := range m.control.fetch() {
				job()
			}
		}
	}
}

// endAll frees what is left once all loops have ended. Jobs that still wait are done, so that encoders that were being
// opened are freed; requests among them are refused.
func (m *Engine) endAll() {
	m.ending = true
	m.opening.Wait()
	for _, job := range m.control.close() {
		job()
	}
	for _, e := range m.videos {
		if e.rendition != nil {
			e.rendition.close()
		}
	}
	clear(m.videos)
	m.sound.renditions.close()
	for _, s := range m.snapshot() {
		if m.remove(s) {
			s.close()
		}
	}
}

// govern degrades and recovers.
func (m *Engine) govern(ctx context.Context) {
	ticker := time.NewTicker(governEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			m.setLevel(m.governor.decide(now))
		}
	}
}

func (m *Engine) setLevel(level int) {
	old := int(m.level.Swap(int32(level)))
	if old == level {
		return
	}
	m.log.Warn("load changed", "overload", level, "before", old)
	m.emit(mixer.Overloaded{Level: level})
	if (old >= overloadRung) != (level >= overloadRung) {
		m.control.post(func() { m.reassign("", func(w mixer.Watching) mixer.Watching { return w }) })
	}
}

// overload is how far the room is degraded because its ticks come late, see mixer.Stats.
func (m *Engine) overload() int { return int(m.level.Load()) }

// snapshot returns the sources in the order of their places.
func (m *Engine) snapshot() []*source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
}

// source returns nil for a number that is not in use.
func (m *Engine) source(id mixer.SourceID) *source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byID[id]
}

// insert gives s its place: behind all whose place is not after its own.
func (m *Engine) insert(s *source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := len(m.sources)
	for at > 0 && m.sources[at-1].cfg.Place > s.cfg.Place {
		at--
	}
	m.sources = slices.Insert(m.sources, at, s)
	m.byID[s.id] = s
}

// remove takes s out; false means that it was out already.
func (m *Engine) remove(s *source) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.sources, s)
	if i < 0 {
		return false
	}
	m.sources = slices.Delete(m.sources, i, i+1)
	delete(m.byID, s.id)
	return true
}

// stats is a snapshot, made in the control loop.
func (m *Engine) stats() mixer.Stats {
	st := mixer.Stats{Sources: []mixer.SourceStats{}, Ticks: m.ticks.Load(), LateTicks: m.late.Load(), Overload: m.overload()}
	for _, s := range m.snapshot() {
		st.Sources = append(st.Sources, s.stats())
	}
	st.Renditions = append(m.videoStats(), m.sound.renditions.stats()...)
	names := m.viewNames()
	for i, r := range st.Renditions {
		st.Renditions[i].View = names[r.View]
	}
	return st
}

// viewNames maps the keys of composed views to their names. Audio has no view of its own.
func (m *Engine) viewNames() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]string{"": mixer.MainView}
	for key := range m.views {
		names[key] = "personal"
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(m.named))) {
		names[normalize(m.named[name], m.cfg).Key()] = name
	}
	names[normalize(m.named[mixer.MainView], m.cfg).Key()] = mixer.MainView
	return names
}
