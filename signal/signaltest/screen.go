package signaltest

import (
	"image"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// Screen decodes what a viewer receives and keeps the newest picture until the test ends. Its methods may be called
// from any goroutine, and do nothing after that.
type Screen struct {
	t         testing.TB
	canvas    mixer.Size
	tolerance int
	began     time.Time // zero of its clock

	mu       sync.Mutex
	closed   bool // the last packets may still be on their way
	decoder  *codec.VideoDecoder
	id       mixer.Codec
	newest   *codec.Frame
	pictures int
	offset   time.Duration // least time from composition to arrival so far, on its clock
	at       time.Duration // when newest was composed, on the same clock
}

// NewScreen makes one for a mix of that size, which takes colours for the same as Near does.
func NewScreen(t testing.TB, canvas mixer.Size, tolerance int) *Screen {
	s := &Screen{t: t, canvas: canvas, tolerance: tolerance, began: time.Now()}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		s.decoder.Close()
		s.newest.Close()
		s.newest = nil
	})
	return s
}

// Put takes the next packet of video.
func (s *Screen) Put(p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.id != p.Codec {
		s.decoder.Close()
		d, err := codec.NewVideoDecoder(p.Codec, 0)
		if err != nil {
			s.t.Errorf("decode the mix: %v", err)
			return
		}
		s.decoder, s.id = d, p.Codec
	}
	arrived := time.Since(s.began) - p.PTS
	if s.offset == 0 || arrived < s.offset {
		s.offset = arrived
	}
	s.at = p.PTS + s.offset
	frames, err := s.decoder.Decode(p)
	if err != nil {
		s.t.Errorf("decode the mix: %v", err)
	}
	for _, f := range frames {
		s.newest.Close()
		s.newest = f
		s.pictures++
	}
}

// Composed is when the newest picture was made: what a slow machine adds on the way to the screen does not count.
func (s *Screen) Composed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began.Add(s.at)
}

// Shown is how many pictures came, and how large the newest one is.
func (s *Screen) Shown() (pictures int, size mixer.Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil {
		size = mixer.Size{W: s.newest.Width(), H: s.newest.Height()}
	}
	return s.pictures, size
}

// Mean is the mean colour of a part of the newest picture; false while there is none.
func (s *Screen) Mean(part func(all image.Rectangle) image.Rectangle) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return codec.Colour{}, false
	}
	return s.newest.Mean(part(s.newest.Bounds())), true
}

// Tile is the mean colour in the middle of tile i of n in a grid, of a source of the given size; false while there is no
// picture of the size of the mix.
func (s *Screen) Tile(i, n, w, h int) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tile(i, n, w, h)
}

func (s *Screen) tile(i, n, w, h int) (codec.Colour, bool) {
	if s.newest == nil || s.newest.Width() != s.canvas.W || s.newest.Height() != s.canvas.H {
		return codec.Colour{}, false
	}
	r := layout.Fit(w, h, layout.Grid(n, s.canvas.W, s.canvas.H)[i])
	inner := image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H).Inset(min(r.W, r.H) / 8)
	return s.newest.Mean(inner), true
}

// Shows tells whether tile i of n is a picture of p, everywhere but at its edges.
func (s *Screen) Shows(i, n int, p Picture) bool {
	got, ok := s.Tile(i, n, p.Width, p.Height)
	return ok && Near(got, p.Colour, s.tolerance)
}

// ShowsAll tells whether the newest picture is the mix of exactly these, in this order.
func (s *Screen) ShowsAll(all ...Picture) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range all {
		if got, ok := s.tile(i, len(all), p.Width, p.Height); !ok || !Near(got, p.Colour, s.tolerance) {
			return false
		}
	}
	return len(all) > 0
}

// Near tells whether no component of two colours differs by more than the tolerance.
func Near(a, b codec.Colour, tolerance int) bool {
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.Y, b.Y) <= tolerance && d(a.U, b.U) <= tolerance && d(a.V, b.V) <= tolerance
}
