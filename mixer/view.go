package mixer

import (
	"context"
	"image"
	"log/slog"
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

	renditions renditions[codec.ID, *picture]

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
		cfg:     cfg,
		cadence: cadence{epoch: cfg.Epoch, rate: int64(cfg.FPS), per: time.Second},
		sources: sources,
		painter: p,
		log:     log,
		canvas:  canvas,
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
		if outs := v.renditions.list(); len(outs) > 0 {
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
		if f := v.canvas.Ref(); f != nil {
			r.put(f)
		}
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
		t.draw(v.canvas, now)
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
		t, err := newTile(sources[i], image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H), v.painter, v.log)
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

// watch adds s to the rendition in that format.
func (v *view) watch(id codec.ID, s Sink) (*Subscription, error) {
	return v.renditions.join(id, s, func() (*picture, error) { return newPicture(id, v.cfg, v.log) })
}

// close ends the renditions and frees everything; run has ended.
func (v *view) close() {
	v.renditions.close()
	for _, t := range v.tiles {
		t.close()
	}
	v.tiles = nil
	v.canvas.Close()
}
