package mixer

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/mixer/layout"
)

// maxTiles is how many sources a grid shows; later ones wait until a place is free.
const maxTiles = 64

// view composes the sources into one canvas at a steady rate and hands it to its renditions. It composes
// only while somebody watches.
type view struct {
	cfg     Config
	cadence cadence
	sources func() []*Source
	painter *painter
	log     *slog.Logger

	ticks, late atomic.Uint64

	mu         sync.Mutex
	renditions map[codec.ID]*picture
	closed     bool

	// Owned by run, and by close after it.
	canvas *codec.Frame
	tiles  []*tile
}

func newView(cfg Config, sources func() []*Source, p *painter, log *slog.Logger) (*view, error) {
	canvas, err := codec.NewFrame(cfg.Width, cfg.Height)
	if err != nil {
		return nil, err
	}
	v := &view{
		cfg:        cfg,
		cadence:    cadence{epoch: cfg.Epoch, rate: int64(cfg.FPS), per: time.Second},
		sources:    sources,
		painter:    p,
		log:        log,
		renditions: map[codec.ID]*picture{},
		canvas:     canvas,
	}
	return v, v.reset(nil)
}

// run composes until ctx ends. A tick that comes late is skipped, never made up for, unless it begins a
// GOP: segments of a recording stay exact however busy the machine is.
func (v *view) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := v.cadence.now() + 1; v.cadence.wait(ctx, timer, n); n++ {
		if next := v.newest(n); next > n {
			v.late.Add(uint64(next - n))
			n = next
		}
		if outs := v.watched(); len(outs) > 0 {
			if err := v.tick(n, outs); err != nil {
				v.log.Error("picture not composed", "error", err)
			}
		}
	}
}

// newest is the tick to compose now that n is due: the last one that is due, or the one before it that
// began its GOP if that was not composed yet.
func (v *view) newest(n int64) int64 {
	due := v.cadence.now()
	gop := func(n int64) int64 { return int64(v.cadence.at(n) / v.cfg.GOP) }
	first := due
	for first > n && gop(first-1) == gop(due) {
		first--
	}
	if first > n || gop(n-1) != gop(n) {
		return max(first, n)
	}
	return max(due, n)
}

func (v *view) watched() []*picture {
	v.mu.Lock()
	defer v.mu.Unlock()
	outs := make([]*picture, 0, len(v.renditions))
	for _, r := range v.renditions {
		outs = append(outs, r)
	}
	return outs
}

func (v *view) tick(n int64, outs []*picture) error {
	v.ticks.Add(1)
	if err := v.canvas.MakeWritable(); err != nil {
		return err
	}
	if err := v.compose(time.Now()); err != nil {
		return err
	}
	v.canvas.PTS = v.cadence.at(n)
	for _, r := range outs {
		r.put(v.canvas.Ref())
	}
	return nil
}

// compose brings the canvas up to date: everything when the places changed, else only what is new.
func (v *view) compose(now time.Time) error {
	sources := v.sources()
	if len(sources) > maxTiles {
		sources = sources[:maxTiles]
	}
	if v.moved(sources) {
		if err := v.reset(sources); err != nil {
			return err
		}
	}
	for _, t := range v.tiles {
		if err := t.draw(v.canvas, now); err != nil {
			return fmt.Errorf("draw the tile of %s: %w", t.source.name, err)
		}
	}
	if v.cfg.Clock {
		v.painter.clock(v.canvas, now)
	}
	return nil
}

// moved tells whether the tiles do not show these sources in this order.
func (v *view) moved(sources []*Source) bool {
	if len(sources) != len(v.tiles) {
		return true
	}
	for i, t := range v.tiles {
		if t.source != sources[i] {
			return true
		}
	}
	return false
}

// reset gives every source a place on an empty canvas.
func (v *view) reset(sources []*Source) error {
	for _, t := range v.tiles {
		t.close()
	}
	v.tiles = nil
	v.canvas.Fill(v.canvas.Bounds(), background)
	for i, r := range layout.Grid(len(sources), v.cfg.Width, v.cfg.Height) {
		t, err := newTile(sources[i], image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H), v.painter)
		if err != nil {
			return err
		}
		v.tiles = append(v.tiles, t)
	}
	if len(sources) == 0 {
		v.painter.message(v.canvas, v.canvas.Bounds(), "Nobody is here yet", "")
	}
	return nil
}

// watch adds s to the rendition in that format and starts its encoder for the first.
func (v *view) watch(id codec.ID, s Sink) (*Subscription, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, fmt.Errorf("watch %s: %w", MainView, codec.ErrClosed)
	}
	r := v.renditions[id]
	if r == nil {
		var err error
		if r, err = newPicture(id, v.cfg, v.log); err != nil {
			return nil, err
		}
		v.renditions[id] = r
	}
	sub := &Subscription{sink: s, refresh: r.refresh, leave: func(s *Subscription) { v.unwatch(r, s) }}
	r.sinks.add(sub)
	r.refresh()
	return sub, nil
}

// unwatch removes s, and the rendition with its last sink.
func (v *view) unwatch(r *picture, s *Subscription) {
	v.mu.Lock()
	r.sinks.drop(s)
	last := len(r.sinks.all()) == 0 && v.renditions[r.id] == r
	if last {
		delete(v.renditions, r.id)
	}
	v.mu.Unlock()
	if last {
		r.close()
	}
}

// close ends the renditions and frees everything; run has ended.
func (v *view) close() {
	v.mu.Lock()
	v.closed = true
	all := v.renditions
	v.renditions = map[codec.ID]*picture{}
	v.mu.Unlock()
	for _, r := range all {
		r.close()
	}
	for _, t := range v.tiles {
		t.close()
	}
	v.tiles = nil
	v.canvas.Close()
}

func (v *view) stats() []RenditionStats {
	all := []RenditionStats{}
	for _, r := range v.watched() {
		all = append(all, r.stats())
	}
	return all
}
