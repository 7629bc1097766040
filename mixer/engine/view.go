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

// view composes one picture at a steady rate for its renditions.
type view struct {
	engine  *Engine
	spec    mixer.View // normalized
	key     string
	cadence cadence
	log     *slog.Logger
	holders int // under the mixer's mu

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	pictures []*videoRendition

	shows atomic.Pointer[mixer.Layout] // what the canvas shows now; nil before the first tick

	// Owned by run, and by stop after it.
	canvas *codec.Frame
	tiles  []*tile
	scene  scene
	clock  int64     // the second that is written on the canvas; zero for none
	fresh  bool      // everything has to be drawn
	last   int64     // the last tick that was not left out on purpose
	decode bool      // the canvas is composed for somebody, or was at the last tick
	woken  time.Time // when packets were passed on to everybody until then; zero: never
}

func newView(spec mixer.View, m *Engine) (*view, error) {
	canvas, err := codec.NewFrame(spec.Width, spec.Height)
	if err != nil {
		return nil, err
	}
	return &view{
		engine: m, spec: spec, key: spec.Key(), canvas: canvas, fresh: true, decode: true,
		cadence: cadence{epoch: m.cfg.Epoch, rate: int64(spec.FPS), per: time.Second},
		log:     m.log.With("layout", spec.Layout, "spotlight", spec.Spotlight),
	}, nil
}

func (v *view) start() {
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	v.running.Go(func() { v.run(ctx) })
}

// stop waits for the ticker and frees everything.
func (v *view) stop() {
	v.cancel()
	v.running.Wait()
	v.clear()
	v.canvas.Close()
}

func (v *view) attach(p *videoRendition) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pictures = append(v.pictures, p)
}

func (v *view) detach(p *videoRendition) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pictures = slices.DeleteFunc(v.pictures, func(o *videoRendition) bool { return o == p })
}

func (v *view) outs() []*videoRendition {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.pictures)
}

// run composes until ctx ends. A tick that comes late is skipped, never made up for, unless it begins a
// GOP: segments of a recording stay exact however busy the machine is.
func (v *view) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	trouble, well := newLogOnce(v.log, "view")
	for n := v.cadence.now() + 1; v.cadence.wait(ctx, timer, n); n++ {
		next := v.newest(n)
		v.skip(next - n)
		n = next
		if v.leaveOut(n) {
			continue
		}
		if err := v.tick(n); err != nil {
			trouble(err)
			continue
		}
		well()
		v.engine.governor.observe(time.Since(v.cadence.epoch.Add(v.cadence.at(n))), v.period())
	}
}

// skip counts n ticks that nobody came for.
func (v *view) skip(n int64) {
	v.engine.late.Add(uint64(n))
	v.engine.governor.skip(int(n))
}

func (v *view) period() time.Duration { return v.cadence.at(1) }

// leaveOut halves the frame rate of an overloaded room: no tick is composed right after another. Where ticks are
// skipped anyway it leaves out none, or pictures would come even more rarely than the machine can make them.
func (v *view) leaveOut(n int64) bool {
	if v.engine.overload() >= overloadRate && !v.beginsGOP(n) && n-v.last < 2 {
		return true
	}
	v.last = n
	return false
}

func (v *view) beginsGOP(n int64) bool { return v.gop(n) != v.gop(n-1) }

func (v *view) gop(n int64) int64 { return int64(v.cadence.at(n) / v.engine.cfg.GOP) }

// newest is the tick to compose now that n is due: the last one that is due, or the one before it that
// began its GOP if that was not composed yet.
func (v *view) newest(n int64) int64 {
	due := v.cadence.now()
	first := due
	for first > n && v.gop(first-1) == v.gop(due) {
		first--
	}
	if first > n || v.beginsGOP(n) {
		return max(first, n)
	}
	return max(due, n)
}

// tick brings the canvas up to date and gives it to the renditions that are to encode it.
func (v *view) tick(n int64) error {
	v.engine.ticks.Add(1)
	now := time.Now()
	v.arrange(now)
	pts := v.cadence.at(n)
	outs := v.pass(v.outs())
	if len(outs) > 0 && !v.decode {
		v.woken = now
	}
	v.demand(len(outs) > 0)
	if len(outs) == 0 || v.waking(now) {
		v.fresh = true
		v.describe(now)
		v.describePassed()
		return nil
	}
	changed, err := v.compose(now)
	if err != nil {
		return err
	}
	v.describe(now)
	v.describePassed()
	v.canvas.PTS = pts
	for _, r := range outs {
		if r.due(pts, changed) {
			r.put(shot{v.canvas.Ref(), v.shows.Load()})
		}
	}
	return nil
}

// wakeWithin is how long viewers keep what was passed on to them while the decoder catches up with it.
const wakeWithin = time.Second

// waking tells whether the picture that was passed on until now is about to be there for composing: a placeholder would
// only flash.
func (v *view) waking(now time.Time) bool {
	only := v.passable()
	if only == nil || now.Sub(v.woken) > wakeWithin {
		return false
	}
	seq, _ := only.slot.Mark()
	return seq == 0
}

// compose draws what is new and tells whether that was anything.
func (v *view) compose(now time.Time) (bool, error) {
	second := int64(0)
	if v.engine.cfg.Clock {
		second = now.Unix()
	}
	due := v.tiles
	if !v.fresh {
		due = v.due(now)
	}
	if len(due) == 0 && second == v.clock && !v.fresh {
		return false, nil
	}
	if err := v.canvas.MakeWritable(); err != nil {
		return false, err
	}
	if v.fresh {
		v.clean()
	}
	for _, t := range due {
		t.draw(v.canvas, now)
	}
	v.clock, v.fresh = second, false
	if second != 0 {
		v.engine.painter.clock(v.canvas, now)
	}
	return true, nil
}

// due are the tiles that have something new, and those that lie on one of them.
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

// clean empties the canvas.
func (v *view) clean() {
	v.canvas.Fill(v.canvas.Bounds(), background)
	if len(v.tiles) == 0 {
		v.engine.painter.message(v.canvas, v.canvas.Bounds(), v.absence(), "")
	}
}

// clear gives all tiles up.
func (v *view) clear() {
	for _, t := range v.tiles {
		t.close()
	}
	v.tiles = nil
}
