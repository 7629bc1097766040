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

// Screen decodes the video that a viewer receives, and keeps the newest frame. Its methods may be called from any goroutine.
// After the test has ended they do nothing.
type Screen struct {
	t         testing.TB
	canvas    mixer.Size
	tolerance int       // see Near
	started   time.Time // zero of the screen's clock

	mu       sync.Mutex
	closed   bool // the test has ended; packets that still arrive are ignored
	decoder  *codec.VideoDecoder
	codec    mixer.Codec   // codec of decoder
	newest   *codec.Frame  // owned; nil before the first frame
	frames   int           // number of decoded frames
	offset   time.Duration // the least arrival time minus PTS of a packet so far, on the screen's clock
	composed time.Duration // when newest was composed, on the screen's clock
}

// NewScreen makes a Screen for a view with the given canvas. The screen compares colours as Near does, with tolerance. The end of
// the test closes it.
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

// Decode decodes the next packet of video. It fails the test if the packet cannot be decoded.
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
	offset := time.Since(s.started) - p.PTS
	if s.offset == 0 || offset < s.offset {
		s.offset = offset
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

// Composed returns when the newest frame was composed, plus the least time from composition to arrival. The time is computed
// from the PTS, so that late arrivals on a slow machine do not change it.
func (s *Screen) Composed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started.Add(s.composed)
}

// Shown returns the number of frames so far, and the size of the newest frame.
func (s *Screen) Shown() (frames int, size mixer.Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil {
		size = mixer.Size{W: s.newest.Width(), H: s.newest.Height()}
	}
	return s.frames, size
}

// Mean returns the mean colour of a part of the newest frame. part maps the bounds of the frame to the part. The result is false
// before the first frame.
func (s *Screen) Mean(part func(all image.Rectangle) image.Rectangle) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return codec.Colour{}, false
	}
	return s.newest.Mean(part(s.newest.Bounds())), true
}

// Tile returns the mean colour in the middle of tile i of a grid of n tiles. The tile shows a source of w by h pixels. The result
// is false while the newest frame does not have the size of the canvas.
func (s *Screen) Tile(i, n, w, h int) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tile(i, n, w, h)
}

// tile is Tile. s.mu is held.
func (s *Screen) tile(i, n, w, h int) (codec.Colour, bool) {
	if s.newest == nil || s.newest.Width() != s.canvas.W || s.newest.Height() != s.canvas.H {
		return codec.Colour{}, false
	}
	r := layout.Fit(w, h, layout.Grid(n, s.canvas.W, s.canvas.H)[i])
	inner := image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H).Inset(min(r.W, r.H) / 8)
	return s.newest.Mean(inner), true
}

// Shows reports whether tile i of a grid of n tiles shows v. It does not compare the edges of the tile.
func (s *Screen) Shows(i, n int, v Video) bool {
	got, ok := s.Tile(i, n, v.Width, v.Height)
	return ok && Near(got, v.Colour, s.tolerance)
}

// ShowsAll reports whether the newest frame is a grid of exactly these videos, in this order.
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

// Near reports whether Y, U and V of a and b each differ by at most tolerance.
func Near(a, b codec.Colour, tolerance int) bool {
	near := func(x, y uint8) bool { return max(int(x), int(y))-min(int(x), int(y)) <= tolerance }
	return near(a.Y, b.Y) && near(a.U, b.U) && near(a.V, b.V)
}
