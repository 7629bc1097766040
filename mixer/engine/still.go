package engine

import (
	"image"
	"slices"
	"sync"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// stillKey identifies a still of a source: the size of the still in pixels, and whether the frame is cropped or fitted.
type stillKey struct {
	w, h int
	fill bool // the frame is cropped to the aspect ratio of w by h; false: the whole frame is scaled to w by h
}

// covers reports whether a still with this key is as large as the rectangle r of a tile.
func (k stillKey) covers(r image.Rectangle) bool { return k.w == r.Dx() && k.h == r.Dy() }

// cutout returns the cutout of f that a still with this key shows.
func (k stillKey) cutout(f *codec.Frame) codec.Cutout {
	c := codec.Cutout{Width: k.w, Height: k.h}
	if k.fill {
		w, h := f.DisplaySize()
		r := layout.Fill(w, h, layout.Rect{W: k.w, H: k.h})
		// stored converts a horizontal position from display pixels to stored pixels, which need not be square.
		stored := func(x int) int { return x * f.Width() / max(w, 1) }
		c.Crop = image.Rect(stored(r.X), r.Y, stored(r.X+r.W), r.Y+r.H)
	}
	return c
}

// stills holds all stills of one source. Views that show the source in the same size share one still. Safe for concurrent use.
type stills struct {
	slot *frameSlot

	mu  sync.Mutex
	all []*still // in the order in which they were made
}

// still holds a source's newest frame, scaled to one size. It does not hold its lock while it scales. Meanwhile, other callers
// wait for the scaled frame. Safe for concurrent use.
type still struct {
	key     stillKey
	slot    *frameSlot
	holders int // protected by the mu of stills

	scaler frameScaler // owned by the goroutine that has started update; nil before its first use

	mu     sync.Mutex
	frame  *codec.Frame // the scaled frame, owned; nil before the first
	seq    uint64       // number of the source's frame that frame was scaled from
	update *stillUpdate // the scaling in progress; nil: none
}

// frameScaler scales a part of f to a new frame. codec.Scaler implements it.
type frameScaler interface {
	Cut(f *codec.Frame, cut codec.Cutout) (*codec.Frame, error)
	Close()
}

// stillUpdate is one scaling in progress.
type stillUpdate struct {
	done chan struct{} // closed when the scaling has ended
	err  error         // the error of the scaling; written before done is closed
}

// hold returns the still with the given key and counts the caller as a holder. The caller must release the still.
func (s *stills) hold(key stillKey) *still {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(st *still) bool { return st.key == key })
	if i < 0 {
		i = len(s.all)
		s.all = append(s.all, &still{key: key, slot: s.slot})
	}
	s.all[i].holders++
	return s.all[i]
}

// cutouts returns the cutouts of f that the stills show.
func (s *stills) cutouts(f *codec.Frame) []codec.Cutout {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []codec.Cutout
	for _, st := range s.all {
		all = append(all, st.key.cutout(f))
	}
	return all
}

// release ends one hold of st. It frees st if there are no more holders.
func (s *stills) release(st *still) {
	s.mu.Lock()
	st.holders--
	last := st.holders == 0
	if last {
		s.all = slices.DeleteFunc(s.all, func(o *still) bool { return o == st })
	}
	s.mu.Unlock()
	if last {
		st.close()
	}
}

// draw copies the source's newest frame to canvas, with its top left corner at p. It returns the number of the frame.
func (s *still) draw(canvas *codec.Frame, p image.Point) (uint64, error) {
	f, seq, err := s.latest()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	canvas.Paste(f, p.X, p.Y)
	return seq, nil
}

// latest returns a new reference to the source's newest frame in the size of the still, and the number of the frame. The
// first caller that needs the frame scales it. Other callers wait for the first one, and get the same error if it fails.
func (s *still) latest() (*codec.Frame, uint64, error) {
	for {
		s.mu.Lock()
		if seq, _ := s.slot.status(); s.frame != nil && seq == s.seq {
			f := s.frame.Ref()
			s.mu.Unlock()
			return f, seq, nil
		}
		u, started := s.joinUpdate()
		s.mu.Unlock()
		if started {
			return s.renew(u)
		}
		<-u.done
		if u.err != nil {
			return nil, 0, u.err
		}
	}
}

// joinUpdate returns the update in progress. If there is none, it starts an update: then started is true, and the caller must
// call renew. The caller must hold s.mu.
func (s *still) joinUpdate() (u *stillUpdate, started bool) {
	if s.update != nil {
		return s.update, false
	}
	s.update = &stillUpdate{done: make(chan struct{})}
	return s.update, true
}

// renew scales the newest frame and ends the update u, which the caller has started. It returns a new reference to the scaled
// frame, and the number of the frame.
func (s *still) renew(u *stillUpdate) (*codec.Frame, uint64, error) {
	next, seq, err := s.cut()
	var old *codec.Frame
	s.mu.Lock()
	if err == nil {
		old = s.frame
		s.frame, s.seq = next.Ref(), seq
	}
	s.update = nil
	s.mu.Unlock()
	u.err = err
	close(u.done)
	old.Close()
	return next, seq, err
}

// cut returns the source's newest frame in the size of the still, and the number of the frame. If the decoder has made a
// cutout of this size, cut returns the cutout. Otherwise cut scales the frame. The decoder makes no cutout if the size is
// new, if the frame must be enlarged, or if the frame is not 8-bit 4:2:0 of limited range.
func (s *still) cut() (*codec.Frame, uint64, error) {
	if made, seq := s.slot.latestCutout(s.key); made != nil {
		return made, seq, nil
	}
	f, seq := s.slot.latestNumbered()
	if f == nil {
		return nil, 0, mixer.ErrClosed
	}
	defer f.Close()
	scaled, err := s.scale(f, s.key.cutout(f))
	return scaled, seq, err
}

func (s *still) scale(f *codec.Frame, cut codec.Cutout) (*codec.Frame, error) {
	if s.scaler == nil {
		scaler, err := codec.NewScaler()
		if err != nil {
			return nil, err
		}
		s.scaler = scaler
	}
	return s.scaler.Cut(f, cut)
}

// close frees the still. The still must have no holders, so nobody draws it any more.
func (s *still) close() {
	if s.scaler != nil {
		s.scaler.Close()
	}
	s.frame.Close()
	s.scaler, s.frame = nil, nil
}
