package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// view composes a canvas at a fixed rate for its renditions. Its goroutine executes run, and is called the view's ticker.
type view struct {
	engine  *Engine
	spec    mixer.View // normalized
	key     string
	cadence cadence
	log     *slog.Logger
	holders int // protected by the engine's mu

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	renditions []*videoRendition // the renditions that get canvases

	layout atomic.Pointer[mixer.Layout] // the layout of the canvas; nil before the first tick

	// Owned by run, and by stop after run has ended.
	canvas    *codec.Frame
	tiles     []*tile
	scene     scene
	clock     int64     // the time of day on the canvas, in Unix seconds; zero: none
	redrawAll bool      // the next tick must draw the whole canvas
	lastTick  int64     // the last tick that leaveOut did not leave out
	decode    bool      // at the last tick, at least one rendition was not passed through
	wokenAt   time.Time // when passthrough of all renditions last ended; zero: never
}

func newView(spec mixer.View, m *Engine) (*view, error) {
	canvas, err := codec.NewFrame(spec.Width, spec.Height)
	if err != nil {
		return nil, err
	}
	return &view{
		engine: m, spec: spec, key: spec.Key(), canvas: canvas, redrawAll: true, decode: true,
		cadence: cadence{epoch: m.cfg.Epoch, rate: int64(spec.FPS), per: time.Second},
		log:     m.log.With("layout", spec.Layout, "spotlight", spec.Spotlight),
	}, nil
}

func (v *view) start() {
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	v.running.Go(func() { v.run(ctx) })
}

// stop stops the ticker, waits for it and frees the canvas and the tiles.
func (v *view) stop() {
	v.cancel()
	v.running.Wait()
	v.closeTiles()
	v.canvas.Close()
}

// attach adds a rendition, which gets canvases from the next tick on.
func (v *view) attach(r *videoRendition) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.renditions = append(v.renditions, r)
}

// detach removes a rendition. A tick that is in progress may still submit a canvas to the rendition.
func (v *view) detach(r *videoRendition) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.renditions = slices.DeleteFunc(v.renditions, func(o *videoRendition) bool { return o == r })
}

// attached returns the renditions that get canvases.
func (v *view) attached() []*videoRendition {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.renditions)
}

// run composes the canvas at each tick until ctx ends. It skips late ticks, except the first tick of a GOP. So the segments of
// a recording start at exact times even on a busy machine.
func (v *view) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	logFailure, logRecovery := newFailureLog(v.log, "view")
	for n := v.cadence.newestDue() + 1; v.cadence.wait(ctx, timer, n); n++ {
		next := v.newest(n)
		v.skip(next - n)
		n = next
		if v.leaveOut(n) {
			continue
		}
		if err := v.tick(n); err != nil {
			logFailure(err)
			continue
		}
		logRecovery()
		v.engine.governor.observe(time.Since(v.cadence.epoch.Add(v.cadence.timeOf(n))), v.period())
	}
}

// skip counts n late ticks that were skipped.
func (v *view) skip(n int64) {
	v.engine.late.Add(uint64(n))
	v.engine.governor.skip(int(n))
}

// period returns the time from one tick to the next.
func (v *view) period() time.Duration { return v.cadence.timeOf(1) }

// leaveOut reports whether to leave out tick n. From overloadRate on, every second tick is left out. Tick n is left out
// only if tick n-1 was composed. So no tick is left out after skipped ticks, which have lowered the frame rate already. The
// first tick of a GOP is never left out.
func (v *view) leaveOut(n int64) bool {
	if v.engine.overload() >= overloadRate && !v.startsGOP(n) && n-v.lastTick < 2 {
		return true
	}
	v.lastTick = n
	return false
}

// startsGOP reports whether tick n is the first of its GOP.
func (v *view) startsGOP(n int64) bool { return v.gop(n) != v.gop(n-1) }

// gop returns the number of the GOP that tick n belongs to.
func (v *view) gop(n int64) int64 { return int64(v.cadence.timeOf(n) / v.engine.cfg.GOP) }

// newest returns the number of the tick to compose next. n is the tick after the last one, and later ticks may be due too.
// The result is the newest tick that is due, with one exception. If the GOP of the newest tick starts at n or later, the first
// tick of this GOP has not been composed, and is the result.
func (v *view) newest(n int64) int64 {
	due := v.cadence.newestDue()
	first := due
	for first > n && v.gop(first-1) == v.gop(due) {
		first--
	}
	if first > n || v.startsGOP(n) {
		return max(first, n)
	}
	return max(due, n)
}

// tick updates the canvas for tick n, and submits the canvas to the renditions that have to encode it. If all renditions are
// passed through, it does not compose the canvas and only updates the layout.
func (v *view) tick(n int64) error {
	v.engine.ticks.Add(1)
	now := time.Now()
	v.arrange(now)
	pts := v.cadence.timeOf(n)
	encoded := v.offerPassthrough(v.attached())
	if len(encoded) > 0 && !v.decode {
		v.wokenAt = now
	}
	v.demand(len(encoded) > 0)
	if len(encoded) == 0 || v.waking(now) {
		v.redrawAll = true
		v.updateLayout(now)
		v.sendPassthroughLayouts()
		return nil
	}
	changed, err := v.compose(now)
	if err != nil {
		return err
	}
	v.updateLayout(now)
	v.sendPassthroughLayouts()
	v.canvas.PTS = pts
	for _, r := range encoded {
		if r.due(pts, changed) {
			r.submit(canvasFrame{v.canvas.Ref(), v.layout.Load()})
		}
	}
	return nil
}

// wakeWithin is how long a view may stay uncomposed after passthrough has ended, until the decoder has a frame of the source.
const wakeWithin = time.Second

// waking reports whether passthrough has just ended and the decoder has no frame of the source yet. If the view was composed
// now, viewers would see a placeholder for a moment. The result is false when wakeWithin has passed.
func (v *view) waking(now time.Time) bool {
	only := v.passable()
	if only == nil || now.Sub(v.wokenAt) > wakeWithin {
		return false
	}
	seq, _ := only.slot.status()
	return seq == 0
}

// compose draws the tiles that have changed, and the time of day. It reports whether the canvas has changed.
func (v *view) compose(now time.Time) (bool, error) {
	second := int64(0)
	if v.engine.cfg.Clock {
		second = now.Unix()
	}
	due := v.tiles
	if !v.redrawAll {
		due = v.due(now)
	}
	if len(due) == 0 && second == v.clock && !v.redrawAll {
		return false, nil
	}
	if err := v.canvas.MakeWritable(); err != nil {
		return false, err
	}
	if v.redrawAll {
		v.erase()
	}
	for _, t := range due {
		t.draw(v.canvas, now)
	}
	v.clock, v.redrawAll = second, false
	if second != 0 {
		v.engine.painter.clock(v.canvas, now)
	}
	return true, nil
}

// due returns the tiles that have to be drawn: tiles that have changed, and tiles that overlap an earlier tile of the result.
func (v *view) due(now time.Time) []*tile {
	patient := v.engine.overload() >= overloadStill
	var due []*tile
	for _, t := range v.tiles {
		if t.due(now, patient) || slices.ContainsFunc(due, t.overlaps) {
			due = append(due, t)
		}
	}
	return due
}

// erase fills the canvas with the background. If there are no tiles, it draws emptyText.
func (v *view) erase() {
	v.canvas.Fill(v.canvas.Bounds(), background)
	if len(v.tiles) == 0 {
		v.engine.painter.message(v.canvas, v.canvas.Bounds(), v.emptyText(), "")
	}
}

// closeTiles closes all tiles.
func (v *view) closeTiles() {
	for _, t := range v.tiles {
		t.close()
	}
	v.tiles = nil
}
