package mixertest

import (
	"image"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// Screen decodes the video that a viewer receives and keeps the newest frame until the test ends. Its methods may be
// called from any goroutine, and do nothing after the test.
type Screen struct {
	t         testing.TB
	canvas    mixer.Size
	tolerance int
	started   time.Time // zero of its clock

	mu       sync.Mutex
	closed   bool // the last packets may still arrive after it
	decoder  *codec.VideoDecoder
	codec    mixer.Codec // of decoder
	newest   *codec.Frame
	frames   int           // decoded so far
	offset   time.Duration // least time from composition to arrival so far, on its clock
	composed time.Duration // when newest was composed, on the same clock
}

// NewScreen makes one for a mix of the size of canvas. Colours are equal up to the tolerance; see Near.
func NewScreen(t testing.TB, canvas mixer.Size, tolerance int) *Screen {
	s := &Screen{t: t, canvas: canvas, tolerance: tolerance, started: time.Now()}
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

// Decode decodes the next packet of video.
func (s *Screen) Decode(p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.codec != p.Codec {
		s.decoder.Close()
		d, err := codec.NewVideoDecoder(p.Codec, 0)
		if err != nil {
			s.t.Errorf("decode the mix: %v", err)
			return
		}
		s.decoder, s.codec = d, p.Codec
	}
	arrived := time.Since(s.started) - p.PTS
	if s.offset == 0 || arrived < s.offset {
		s.offset = arrived
	}
	s.composed = p.PTS + s.offset
	frames, err := s.decoder.Decode(p)
	if err != nil {
		s.t.Errorf("decode the mix: %v", err)
	}
	for _, f := range frames {
		s.newest.Close()
		s.newest = f
		s.frames++
	}
}

// Composed is when the newest frame was composed. The transit of a slow machine is not in it.
func (s *Screen) Composed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started.Add(s.composed)
}

// Shown is the number of frames so far, and the size of the newest one.
func (s *Screen) Shown() (frames int, size mixer.Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil {
		size = mixer.Size{W: s.newest.Width(), H: s.newest.Height()}
	}
	return s.frames, size
}

// Mean is the mean colour of a part of the newest frame; false before the first frame.
func (s *Screen) Mean(part func(all image.Rectangle) image.Rectangle) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return codec.Colour{}, false
	}
	return s.newest.Mean(part(s.newest.Bounds())), true
}

// Tile is the mean colour in the middle of tile i of n in a grid, for a source of w by h pixels. It is false while the
// newest frame does not have the size of the mix.
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

// Shows tells whether tile i of n shows v. The edges of the tile are not looked at.
func (s *Screen) Shows(i, n int, v Video) bool {
	got, ok := s.Tile(i, n, v.Width, v.Height)
	return ok && Near(got, v.Colour, s.tolerance)
}

// ShowsAll tells whether the newest frame is the mix of exactly these, in this order.
func (s *Screen) ShowsAll(all ...Video) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, v := range all {
		if got, ok := s.tile(i, len(all), v.Width, v.Height); !ok || !Near(got, v.Colour, s.tolerance) {
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
