package mixer

import (
	"image"
	"sync"

	"azulejo/codec"
	"azulejo/mixer/layout"
)

// stillKey is what decides how a source's picture looks on a tile.
type stillKey struct {
	w, h     int
	fill     bool // cropped to the shape
	labelled bool
}

func (k stillKey) covers(r image.Rectangle) bool { return k.w == r.Dx() && k.h == r.Dy() }

// stills are the scaled pictures of one source, each made once for all views that show it in that size.
type stills struct {
	source  *Source
	painter *painter

	mu  sync.Mutex
	all map[stillKey]*still
}

// still is a source's newest picture in one size, with its name. Safe for concurrent use.
type still struct {
	key     stillKey
	slot    *Slot
	holders int // under stills' mu

	mu     sync.Mutex
	scaler *codec.Scaler
	frame  *codec.Frame // nil before the first
	plate  *plate
	seq    uint64
}

// hold returns the still of that look for one more holder, who releases it.
func (s *stills) hold(key stillKey) *still {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.all[key]
	if st == nil {
		st = &still{key: key, slot: &s.source.slot}
		if key.labelled {
			st.plate = s.painter.name(s.source.cfg.Name, image.Rect(0, 0, key.w, key.h))
		}
		if s.all == nil {
			s.all = map[stillKey]*still{}
		}
		s.all[key] = st
	}
	st.holders++
	return st
}

// release frees the still with its last holder.
func (s *stills) release(st *still) {
	s.mu.Lock()
	st.holders--
	last := st.holders == 0
	if last {
		delete(s.all, st.key)
	}
	s.mu.Unlock()
	if last {
		st.close()
	}
}

// draw copies the newest picture to canvas, with its top left corner at p, and returns its number. It is
// scaled by whoever comes first.
func (s *still) draw(canvas *codec.Frame, p image.Point) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq, _ := s.slot.Mark(); s.frame == nil || seq != s.seq {
		if err := s.scale(); err != nil {
			return 0, err
		}
	}
	canvas.Paste(s.frame, p.X, p.Y)
	return s.seq, nil
}

func (s *still) scale() error {
	f, seq := s.slot.LatestMarked()
	if f == nil {
		return codec.ErrClosed
	}
	defer func() { f.Close() }()
	if err := s.prepare(); err != nil {
		return err
	}
	if s.key.fill {
		part, err := f.Crop(s.part(f))
		if err != nil {
			return err
		}
		f.Close()
		f = part
	}
	if err := s.scaler.Scale(s.frame, f); err != nil {
		return err
	}
	s.plate.draw(s.frame, s.frame.Bounds())
	s.seq = seq
	return nil
}

// prepare makes what is needed for the first picture.
func (s *still) prepare() (err error) {
	if s.scaler == nil {
		if s.scaler, err = codec.NewScaler(); err != nil {
			return err
		}
	}
	if s.frame == nil {
		s.frame, err = codec.NewFrame(s.key.w, s.key.h)
	}
	return err
}

// part is what of f fills the tile.
func (s *still) part(f *codec.Frame) image.Rectangle {
	w, h := f.DisplaySize()
	r := layout.Fill(w, h, layout.Rect{W: s.key.w, H: s.key.h})
	stored := func(x int) int { return x * f.Width() / max(w, 1) }
	return image.Rect(stored(r.X), r.Y, stored(r.X+r.W), r.Y+r.H)
}

func (s *still) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scaler.Close()
	s.frame.Close()
	s.scaler, s.frame = nil, nil
}
