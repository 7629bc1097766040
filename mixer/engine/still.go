package engine

import (
	"image"
	"slices"
	"sync"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// stillKey is what decides how a source's picture looks on a tile.
type stillKey struct {
	w, h int
	fill bool // cropped to the shape
}

func (k stillKey) covers(r image.Rectangle) bool { return k.w == r.Dx() && k.h == r.Dy() }

// cutout is what is seen of a picture like f.
func (k stillKey) cutout(f *codec.Frame) codec.Cutout {
	c := codec.Cutout{Width: k.w, Height: k.h}
	if k.fill {
		w, h := f.DisplaySize()
		r := layout.Fill(w, h, layout.Rect{W: k.w, H: k.h})
		stored := func(x int) int { return x * f.Width() / max(w, 1) }
		c.Crop = image.Rect(stored(r.X), r.Y, stored(r.X+r.W), r.Y+r.H)
	}
	return c
}

// stills are the scaled pictures of one source, each made once for all views that show it in that size.
type stills struct {
	slot *Slot

	mu  sync.Mutex
	all []*still // in the order in which they came
}

// still is a source's newest picture in one size. Safe for concurrent use.
type still struct {
	key     stillKey
	slot    *Slot
	holders int // under stills' mu

	mu     sync.Mutex
	scaler *codec.Scaler // nil before its first use
	frame  *codec.Frame  // nil before the first
	seq    uint64
}

// hold returns the still of that look for one more holder, who releases it.
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

// cutouts are what is seen of a picture like f.
func (s *stills) cutouts(f *codec.Frame) []codec.Cutout {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []codec.Cutout
	for _, st := range s.all {
		all = append(all, st.key.cutout(f))
	}
	return all
}

// release frees the still with its last holder.
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

// draw copies the newest picture to canvas, with its top left corner at p, and returns its number. It comes with
// what is seen of it from the decoder, or is scaled by whoever comes first: where it is enlarged, where its size is
// new, and what is not plain 4:2:0.
func (s *still) draw(canvas *codec.Frame, p image.Point) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq, _ := s.slot.Mark(); s.frame == nil || seq != s.seq {
		if err := s.renew(); err != nil {
			return 0, err
		}
	}
	canvas.Paste(s.frame, p.X, p.Y)
	return s.seq, nil
}

func (s *still) renew() error {
	f, seq := s.slot.LatestMarked()
	if f == nil {
		return mixer.ErrClosed
	}
	defer f.Close()
	cut := s.key.cutout(f)
	next := f.Cutout(cut)
	if next == nil {
		var err error
		if next, err = s.scale(f, cut); err != nil {
			return err
		}
	}
	s.frame.Close()
	s.frame, s.seq = next, seq
	return nil
}

func (s *still) scale(f *codec.Frame, cut codec.Cutout) (_ *codec.Frame, err error) {
	if s.scaler == nil {
		if s.scaler, err = codec.NewScaler(); err != nil {
			return nil, err
		}
	}
	return s.scaler.Cut(f, cut)
}

func (s *still) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scaler.Close()
	s.frame.Close()
	s.scaler, s.frame = nil, nil
}
