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

// Mixer composes one room.
type Mixer struct {
	cfg      mixer.Config
	log      *slog.Logger
	painter  *painter
	sound    *sound
	governor *governor
	level    atomic.Int32 // of overload; Run sets it

	ticks, late atomic.Uint64

	pictures  renditions[pictureKey, *picture]
	leading   sync.Mutex     // one subscription is moved at a time
	departing sync.WaitGroup // legs that are being left

	mu      sync.Mutex
	sources []*Source // in the order of their places
	named   map[string]mixer.View
	views   map[string]*view // that are composed, by key
	watched map[*Subscription]struct{}
}

// New prepares a mixer; Run makes it live.
func New(cfg mixer.Config, log *slog.Logger) (*Mixer, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	font, err := label.Load()
	if err != nil {
		return nil, err
	}
	m := &Mixer{
		cfg: cfg, log: log, painter: newPainter(font), governor: newGovernor(),
		named: map[string]mixer.View{mixer.MainView: {}}, views: map[string]*view{}, watched: map[*Subscription]struct{}{},
	}
	m.sound = newSound(cfg, m.snapshot, log)
	return m, nil
}

// Epoch is the zero of media time. It holds a monotonic reading, and lies on a multiple of the GOP.
func (m *Mixer) Epoch() time.Time { return m.cfg.Epoch }

// Run mixes the sound and watches over the load until ctx ends; then it ends all renditions and views. Sources
// are closed by whoever added them.
func (m *Mixer) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { m.sound.run(ctx) })
	work.Go(func() { m.govern(ctx) })
	work.Wait()
	m.pictures.close()
	m.sound.renditions.close()
	m.departing.Wait()
	return nil
}

// depart ends a leg; whoever calls may be in the middle of delivering.
func (m *Mixer) depart(l *leg) { m.departing.Go(l.leave) }

// govern degrades and recovers.
func (m *Mixer) govern(ctx context.Context) {
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

func (m *Mixer) setLevel(level int) {
	old := int(m.level.Swap(int32(level)))
	if old == level {
		return
	}
	m.log.Warn("load changed", "overload", level, "before", old)
	if (old >= overloadRung) != (level >= overloadRung) {
		m.relead("", func(w mixer.Watching) mixer.Watching { return w })
	}
}

// Overload is how far the room is degraded because its ticks come late: 0 is not at all, 1 shows tiles that
// hardly change less often, 2 halves the frame rate, 3 encodes the top rung only for sinks that keep it, 4 wants
// no more members. It recovers in reverse.
func (m *Mixer) Overload() int { return int(m.level.Load()) }

// snapshot returns the sources in the order of their places.
func (m *Mixer) snapshot() []*Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
}

// insert gives s its place: behind all whose place is not after its own.
func (m *Mixer) insert(s *Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := len(m.sources)
	for at > 0 && m.sources[at-1].cfg.Place > s.cfg.Place {
		at--
	}
	m.sources = slices.Insert(m.sources, at, s)
}

// remove takes s out; false means that it was out already.
func (m *Mixer) remove(s *Source) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.sources, s)
	if i < 0 {
		return false
	}
	m.sources = slices.Delete(m.sources, i, i+1)
	return true
}

// Listen gives s the sound of all sources but not, which may be nil, as Opus or AAC until the
// subscription is closed.
func (m *Mixer) Listen(id mixer.Codec, not *Source, s Sink) (*Subscription, error) {
	if id != mixer.Opus && id != mixer.AAC {
		return nil, fmt.Errorf("listen as %q: accepted are opus, aac: %w", id, mixer.ErrUnsupported)
	}
	sub := newSubscription(s, m.depart)
	if err := m.sound.listen(id, not, sub); err != nil {
		return nil, err
	}
	return sub, nil
}

// Speaker is the id of the source that speaks or spoke last, empty before the first.
func (m *Mixer) Speaker() string {
	if s := m.sound.speaker(); s != nil {
		return s.cfg.ID
	}
	return ""
}

// Stats returns a snapshot.
func (m *Mixer) Stats() mixer.Stats {
	st := mixer.Stats{Sources: []mixer.SourceStats{}, Ticks: m.ticks.Load(), LateTicks: m.late.Load(), Overload: m.Overload()}
	for _, s := range m.snapshot() {
		st.Sources = append(st.Sources, s.Stats())
	}
	st.Renditions = append(m.pictures.stats(), m.sound.renditions.stats()...)
	names := m.viewNames()
	for i, r := range st.Renditions {
		st.Renditions[i].View = names[r.View]
	}
	return st
}

// viewNames tells how the composed views, by their keys, are called. Sound has no view of its own.
func (m *Mixer) viewNames() map[string]string {
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
