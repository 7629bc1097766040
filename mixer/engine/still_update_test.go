package engine

import (
	"errors"
	"image"
	"sync"
	"testing"
	"testing/synctest"

	"azulejo/codec"
	"azulejo/mixer"
)

// heldScaler scales when it is let go on.
type heldScaler struct {
	*codec.Scaler
	goOn  chan error // what to fail with, if anything
	calls int        // owned by the goroutine that scales
}

func (h *heldScaler) Cut(f *codec.Frame, cut codec.Cutout) (*codec.Frame, error) {
	h.calls++
	if err := <-h.goOn; err != nil {
		return nil, err
	}
	return h.Scaler.Cut(f, cut)
}

// drawnStill is a still that several views draw at the same time.
type drawnStill struct {
	t      *testing.T
	slot   frameSlot
	scaler *heldScaler
	still  *still

	mu    sync.Mutex
	drawn []uint64 // numbers of the frames
	fails []error
	mean  codec.Colour // of the last canvas
}

func newDrawnStill(t *testing.T) *drawnStill {
	t.Helper()
	scaler, err := codec.NewScaler()
	if err != nil {
		t.Fatal(err)
	}
	d := &drawnStill{t: t, scaler: &heldScaler{Scaler: scaler, goOn: make(chan error)}}
	d.still = &still{key: stillKey{w: 64, h: 36}, slot: &d.slot, scaler: d.scaler}
	t.Cleanup(func() {
		d.still.close()
		d.slot.clear()
	})
	return d
}

// show gives the source a new frame of one colour.
func (d *drawnStill) show(c codec.Colour) {
	d.t.Helper()
	f, err := codec.NewFrame(32, 18)
	if err != nil {
		d.t.Fatal(err)
	}
	f.Fill(f.Bounds(), c)
	d.slot.replace(codec.Decoded{Frame: f})
}

// draw has n views draw the still, and returns when all of them wait or are done.
func (d *drawnStill) draw(n int) {
	for range n {
		go func() {
			canvas, err := codec.NewFrame(64, 36)
			if err != nil {
				d.t.Error(err)
				return
			}
			defer canvas.Close()
			seq, err := d.still.draw(canvas, image.Point{})
			d.mu.Lock()
			defer d.mu.Unlock()
			if err != nil {
				d.fails = append(d.fails, err)
			} else {
				d.drawn = append(d.drawn, seq)
				d.mean = canvas.Mean(canvas.Bounds())
			}
		}()
	}
	synctest.Wait()
}

// expect demands that so many views have drawn frame seq in colour c, and that none failed.
func (d *drawnStill) expect(what string, n int, seq uint64, c codec.Colour, calls int) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.drawn) != n || len(d.fails) > 0 || d.scaler.calls != calls {
		d.t.Errorf("%s: frames %v were drawn, errors %v, %d calls of the scaler; want %d views and %d calls", what, d.drawn, d.fails, d.scaler.calls, n, calls)
	}
	for _, got := range d.drawn {
		if got != seq {
			d.t.Errorf("%s: frame %d was drawn, want %d", what, got, seq)
		}
	}
	if n > 0 && !near(d.mean, c) {
		d.t.Errorf("%s: the canvas shows %v, want %v", what, d.mean, c)
	}
	d.drawn, d.fails = nil, nil
}

// locked reports whether somebody holds the still's lock.
func (d *drawnStill) locked() bool {
	if !d.still.mu.TryLock() {
		return true
	}
	d.still.mu.Unlock()
	return false
}

// TestStillsAreScaledOnceAndOutsideOfLocks: views that need a still while it is scaled wait for it, and do not scale it
// again. Nobody holds a lock meanwhile.
func TestStillsAreScaledOnceAndOutsideOfLocks(t *testing.T) {
	noFrames(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDrawnStill(t)
		d.show(red)
		d.draw(5)
		d.expect("while it is scaled", 0, 0, red, 1)
		if d.locked() {
			t.Error("a lock is held while the still is scaled")
		}
		d.scaler.goOn <- nil
		synctest.Wait()
		d.expect("when it has been scaled", 5, 1, red, 1)
		d.draw(3)
		d.expect("the same frame again", 3, 1, red, 1)
		d.show(green)
		d.draw(2)
		d.expect("while the next one is scaled", 0, 0, green, 2)
		d.scaler.goOn <- nil
		synctest.Wait()
		d.expect("the next frame", 2, 2, green, 2)
	})
}

// TestAFrameThatComesWhileAStillIsScaled: the view that scales shows the older frame, and stays due. A view that waits
// shows the newer one.
func TestAFrameThatComesWhileAStillIsScaled(t *testing.T) {
	noFrames(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDrawnStill(t)
		d.show(red)
		d.draw(1)
		d.show(green)
		d.draw(1)
		d.scaler.goOn <- nil
		synctest.Wait()
		d.expect("the view that scales", 1, 1, red, 2)
		d.scaler.goOn <- nil
		synctest.Wait()
		d.expect("the view that waits", 1, 2, green, 2)
	})
}

// TestAStillThatCannotBeScaled: all views that wait get the error, and the next draw tries again.
func TestAStillThatCannotBeScaled(t *testing.T) {
	noFrames(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDrawnStill(t)
		d.show(red)
		d.draw(3)
		d.scaler.goOn <- mixer.ErrInvalidData
		synctest.Wait()
		if len(d.fails) != 3 || !errors.Is(errors.Join(d.fails...), mixer.ErrInvalidData) || d.scaler.calls != 1 {
			t.Errorf("%d views failed with %v after %d calls of the scaler, want 3 after one", len(d.fails), d.fails, d.scaler.calls)
		}
		d.fails = nil
		d.draw(1)
		d.scaler.goOn <- nil
		synctest.Wait()
		d.expect("tried again", 1, 1, red, 2)
		d.slot.clear()
		d.draw(2)
		if len(d.fails) != 2 || !errors.Is(d.fails[0], mixer.ErrClosed) {
			t.Errorf("without a frame the errors are %v, want two of %v", d.fails, mixer.ErrClosed)
		}
	})
}
