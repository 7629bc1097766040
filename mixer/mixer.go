package mixer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"azulejo/codec"
	"azulejo/mixer/label"
)

// MainView is the view that every room has: all sources in a grid.
const MainView = "main"

// Mixer composes one room.
type Mixer struct {
	cfg   Config
	log   *slog.Logger
	view  *view
	sound *sound

	mu      sync.Mutex
	sources []*Source // in the order of joining: their places in the grid
}

// New prepares a mixer; Run makes it tick.
func New(cfg Config, log *slog.Logger) (*Mixer, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	font, err := label.Load()
	if err != nil {
		return nil, err
	}
	m := &Mixer{cfg: cfg, log: log}
	m.view, err = newView(cfg, m.snapshot, newPainter(font, cfg.Labels), log.With("view", MainView))
	if err != nil {
		return nil, err
	}
	m.sound = newSound(cfg, m.snapshot, log)
	return m, nil
}

// Epoch is the zero of media time. It holds a monotonic reading, and lies on a multiple of the GOP.
func (m *Mixer) Epoch() time.Time { return m.cfg.Epoch }

// Run ticks until ctx ends; then it ends all renditions and frees the canvas. Sources are closed by
// whoever added them.
func (m *Mixer) Run(ctx context.Context) error {
	var tickers sync.WaitGroup
	tickers.Go(func() { m.view.run(ctx) })
	tickers.Go(func() { m.sound.run(ctx) })
	tickers.Wait()
	m.view.close()
	m.sound.renditions.close()
	return nil
}

// snapshot returns the sources in the order of their places.
func (m *Mixer) snapshot() []*Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
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

// Watch gives s the pictures of a view as H264 or VP8, from a key picture on, until the subscription is
// closed. All who watch the same share one encoder.
func (m *Mixer) Watch(w Watching, s Sink) (*Subscription, error) {
	if w.Name != "" && w.Name != MainView {
		return nil, fmt.Errorf("watch view %q: accepted is %q", w.Name, MainView)
	}
	if w.Codec != codec.H264 && w.Codec != codec.VP8 {
		return nil, fmt.Errorf("watch as %q: accepted are h264, vp8: %w", w.Codec, codec.ErrUnsupported)
	}
	return m.view.watch(w.Codec, s)
}

// Listen gives s the sound of all sources but not, which may be nil, as Opus or AAC until the
// subscription is closed.
func (m *Mixer) Listen(id codec.ID, not *Source, s Sink) (*Subscription, error) {
	if id != codec.Opus && id != codec.AAC {
		return nil, fmt.Errorf("listen as %q: accepted are opus, aac: %w", id, codec.ErrUnsupported)
	}
	return m.sound.renditions.add(id, not, s)
}

// Stats is a snapshot of a mixer.
type Stats struct {
	Sources    []SourceStats    `json:"sources"`
	Renditions []RenditionStats `json:"renditions"`
	Ticks      uint64           `json:"ticks"`     // pictures composed
	LateTicks  uint64           `json:"lateTicks"` // pictures skipped because the machine was too slow
}

// Stats returns a snapshot.
func (m *Mixer) Stats() Stats {
	st := Stats{Sources: []SourceStats{}, Renditions: []RenditionStats{}}
	for _, s := range m.snapshot() {
		st.Sources = append(st.Sources, s.Stats())
	}
	st.Renditions = append(m.view.renditions.stats(), m.sound.renditions.stats()...)
	st.Ticks, st.LateTicks = m.view.ticks.Load(), m.view.late.Load()
	return st
}
