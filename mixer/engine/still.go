package engine

import (
	"image"
	"slices"
	"sync"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// stillKey is what decides how a source's frame looks on a tile: its size, and whether it is cropped.
type stillKey struct {
	w, h int
	fill bool // cropped to the shape of w by h
}

func (k stillKey) covers(r image.Rectangle) bool { return k.w == r.Dx() && k.h == r.Dy() }

// cutout is the part and the size of f that the still shows.
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

// stills are the scaled frames of one source. Each is made once for all views that show it in that size. Safe for
// concurrent use.
type stills struct {
	slot *frameSlot

	mu  sync.Mutex
	all []*still // in the order in which they came
}

// still is a source's newest frame in one size. Safe for concurrent use. It scales outside of its lock: callers that
// need the same frame meanwhile wait for it.
type still struct {
	key     stillKey
	slot    *frameSlot
	holders int // under stills' mu

	scaler frameScaler // owned by the goroutine that started update; nil before its first use

	mu     sync.Mutex
	frame  *codec.Frame // owned; nil before the first
	seq    uint64       // number of frame
	update *stillUpdate // in progress; nil if none is
}

// frameScaler makes a new frame of a part of f. codec.Scaler is one.
type frameScaler interface {
	Cut(f *codec.Frame, cut codec.Cutout) (*codec.Frame, error)
	Close()
}

// stillUpdate is one scaling in progress.
type stillUpdate struct {
	done chan struct{} // closed when it has ended
	err  error         // written before done is closed
}

// hold returns the still with that key, for one more holder. The holder releases it.
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

// cutouts are the parts and sizes of f that tiles show.
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

// draw copies the source's newest frame to canvas, with its top left corner at p, and returns the number of the frame.
func (s *still) draw(canvas *codec.Frame, p image.Point) (uint64, error) {
	f, seq, err := s.latest()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	canvas.Paste(f, p.X, p.Y)
	return seq, nil
}

// latest returns another owner of the source's newest frame in the size of the still, and its number. The first caller
// that needs the frame makes it. Other callers wait for that one, and get its error if it fails.
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

// joinUpdate returns the update in progress, or starts one, which the caller then makes. s.mu is held.
func (s *still) joinUpdate() (u *stillUpdate, started bool) {
	if s.update != nil {
		return s.update, false
	}
	s.update = &stillUpdate{done: make(chan struct{})}
	return s.update, true
}

// renew makes the frame for u, which the caller has started, and ends u. It returns another owner of the frame.
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

// cut makes the source's newest frame in the size of the still. The decoder has made it if it expected this size. It is
// scaled here if it is enlarged, if the size is new, and if the source is not plain 4:2:0.
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

// close frees the still. Nobody draws it any more: it has no holder.
func (s *still) close() {
	if s.scaler != nil {
		s.scaler.Close()
	}
	s.frame.Close()
	s.scaler, s.frame = nil, nil
}
