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

// Engine mixes the media of one room. It gets commands by Send, and emits events. Send may be called from any goroutine.
type Engine struct {
	cfg      mixer.Config
	log      *slog.Logger
	emit     func(mixer.Event)
	painter  *painter
	audio    *audioMix
	governor *governor
	level    atomic.Int32  // the level of overload; written by govern
	ids      atomic.Uint64 // the newest RenditionID

	ticks, late atomic.Uint64 // Stats.Ticks and Stats.LateTicks

	feeds    feeds
	control  *mailbox
	closing  sync.WaitGroup                       // video renditions that are being closed; only the control loop calls Go
	removing sync.WaitGroup                       // sources that are being closed
	opening  sync.WaitGroup                       // video renditions that are being opened
	subs     map[mixer.SubscriptionID]*subscriber // owned by the control loop
	videos   map[videoKey]*videoEntry             // owned by the control loop
	stopped  bool                                 // owned by the control loop; set when no rendition may be opened any more

	mu      sync.Mutex
	sources []*source // ordered by place
	byID    map[mixer.SourceID]*source
	named   map[string]mixer.View // the named views, by name
	views   map[string]*view      // the views that run, by View.Key
}

// New makes an engine. Commands for the control loop wait until Run is called. The engine calls emit for every event, from
// any of its goroutines. emit must not block. Defaults replace zero fields of cfg.
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
	m.audio = newAudioMix(m)
	m.feeds.emit = emit
	return m, nil
}

// Send passes a command to the engine. It never blocks. Commands about sources and feeds take effect before Send returns.
// The control loop executes all other commands, in their order.
func (m *Engine) Send(c mixer.Command) {
	switch c := c.(type) {
	case mixer.WriteVideo:
		if s := m.source(c.Source); s != nil {
			s.writeVideo(c.Layer, c.Packet)
		}
	case mixer.WriteAudio:
		if s := m.source(c.Source); s != nil {
			s.audio.enqueue(c.Packet)
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
	case mixer.ReportTrouble:
		if s := m.source(c.Source); s != nil {
			s.reported.Store(&c.Trouble)
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
		if !m.control.post(func() { m.execute(c) }) {
			m.refuse(c)
		}
	}
}

// refuse answers a request with mixer.ErrClosed, after the control loop has stopped.
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

// execute executes a command, in the control loop.
func (m *Engine) execute(c mixer.Command) {
	switch c := c.(type) {
	case mixer.Watch:
		m.watch(c)
	case mixer.Change:
		m.change(c)
	case mixer.Listen:
		m.listen(c)
	case mixer.Include:
		m.audio.subscribers.include(c.Subscription, m.source(c.Source))
	case mixer.Leave:
		m.leave(c)
	case mixer.Unsubscribe:
		m.unsubscribe(c.Subscription)
	case mixer.RequestKeyframe:
		if r := m.video(c.Rendition); r != nil {
			r.requestKeyframe()
		}
	case mixer.SetPassthrough:
		if r := m.video(c.Rendition); r != nil {
			r.passthrough.set(c.Offer, c.Active)
		}
	case mixer.SetView:
		m.setView(c.Name, c.View)
	case mixer.DeleteView:
		m.deleteView(c.Name)
	case mixer.GetStats:
		m.emit(mixer.Statistics{Request: c.Request, Stats: m.stats()})
	}
}

// answer emits the answer to the request with the given id. It emits nothing if id is zero: then the engine made
// the change by itself, and nobody waits for an answer.
func (m *Engine) answer(id mixer.RequestID, err error) {
	if id != 0 {
		m.emit(mixer.Answer{Request: id, Failure: mixer.Fail(err)})
	}
}

// Run mixes until ctx ends. Then it closes all feeds, renditions, views and sources, and waits for them.
func (m *Engine) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { m.audio.run(ctx) })
	work.Go(func() { m.govern(ctx) })
	work.Go(func() { m.watchConditions(ctx) })
	work.Go(func() { m.controlLoop(ctx) })
	work.Wait()
	m.feeds.closeAll()
	m.closeAll()
	m.closing.Wait()
	m.removing.Wait()
	return nil
}

// controlLoop runs the jobs of the mailbox one after the other until ctx ends.
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

// closeAll closes all renditions and sources after the loops have stopped. First it runs the jobs that are still in the
// mailbox. These jobs add the renditions that were being opened to m.videos, and refuse requests for new renditions.
func (m *Engine) closeAll() {
	m.stopped = true
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
	m.audio.subscribers.close()
	for _, s := range m.snapshot() {
		if m.remove(s) {
			s.close()
		}
	}
}

// govern sets the level of overload every governEvery until ctx ends.
func (m *Engine) govern(ctx context.Context) {
	every(ctx, governEvery, func(now time.Time) { m.setLevel(m.governor.decide(now)) })
}

// every calls do after each period until ctx ends.
func every(ctx context.Context, period time.Duration, do func(now time.Time)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			do(now)
		}
	}
}

// setLevel sets the level of overload, and announces it if it has changed. If the level crosses overloadRung, all
// subscriptions to video are assigned anew, because other rungs are available then.
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

// overload returns the level of overload, see mixer.Stats.
func (m *Engine) overload() int { return int(m.level.Load()) }

// snapshot returns the sources, ordered by place.
func (m *Engine) snapshot() []*source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
}

// source returns the source with the given id, or nil.
func (m *Engine) source(id mixer.SourceID) *source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byID[id]
}

// insert adds s to the list of sources, behind the sources with the same Place.
func (m *Engine) insert(s *source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := len(m.sources)
	for i > 0 && m.sources[i-1].cfg.Place > s.cfg.Place {
		i--
	}
	m.sources = slices.Insert(m.sources, i, s)
	m.byID[s.id] = s
}

// remove removes s from the list of sources, but does not close s. It returns false if s had been removed before.
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

// stats returns a snapshot of the statistics. Only the control loop may call stats.
func (m *Engine) stats() mixer.Stats {
	st := mixer.Stats{Sources: []mixer.SourceStats{}, Ticks: m.ticks.Load(), LateTicks: m.late.Load(), Overload: m.overload()}
	for _, s := range m.snapshot() {
		st.Sources = append(st.Sources, s.stats())
	}
	st.Renditions = append(m.videoStats(), m.audio.subscribers.stats()...)
	names := m.viewNames()
	for i, r := range st.Renditions {
		st.Renditions[i].View = names[r.View]
	}
	return st
}

// viewNames returns the names of views for the statistics, by View.Key. A running view without a name is called "personal".
// If several names have the same view, MainView comes first, then the alphabetical order. The empty key means MainView:
// audio renditions have an empty key.
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
