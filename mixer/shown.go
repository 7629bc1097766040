package mixer

import (
	"math"

	"azulejo/codec"
)

// shown brings a source's pictures to its slot, as large as the largest tile needs them: they are shrunk once for
// all tiles, right behind the decoder. A wall of nine 1280x720 cameras took 12.7 % of the CPU time for
// scaling when each tile did that on its tick, and most of that was waiting for what had left the processor's cache.
// Owned by videoIn's run.
type shown struct {
	slot     *Slot
	whole    *codec.Frame // the newest, as it was decoded; nil for none
	needed   Size         // of whole, when it was put
	shrinker codec.Shrinker
}

// put takes over f and shows it.
func (s *shown) put(f *codec.Frame, u use) error {
	s.forget()
	s.whole, s.needed = f, u.needs(f)
	small, err := s.shrink()
	if err != nil {
		return err
	}
	s.slot.Put(small)
	return nil
}

// follow shows the same picture in another size where u needs one: where nothing moves none may come for long.
func (s *shown) follow(u use) {
	if s.whole == nil || u.w == 0 {
		return
	}
	needed := u.needs(s.whole)
	if needed == s.needed {
		return
	}
	s.needed = needed
	if small, err := s.shrink(); err == nil {
		s.slot.Resize(small)
	}
}

func (s *shown) shrink() (*codec.Frame, error) {
	return s.shrinker.Shrink(s.whole, s.needed.W, s.needed.H)
}

// forget gives the whole picture up; what is shown of it stays.
func (s *shown) forget() {
	s.whole.Close()
	s.whole = nil
}

func (s *shown) close() {
	s.forget()
	s.shrinker.Close()
}

// needs is how large f is shown where that is largest, at square pixels; zero where nobody sees it.
func (u use) needs(f *codec.Frame) Size {
	w, h := f.DisplaySize()
	scale := u.scale(Size{w, h})
	return Size{int(math.Round(scale * float64(w))), int(math.Round(scale * float64(h)))}
}
