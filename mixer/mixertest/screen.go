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

// Screen decodes the video that a viewer receives, and keeps the newest frame until the test ends. Its methods may be
// called from any goroutine. After the test they do nothing.
type Screen struct {
	t         testing.TB
	canvas    mixer.Size
	tolerance int
	started   time.Time // when the screen was made; zero of the screen's clock

	mu       sync.Mutex
	closed   bool // the test has ended; the last packets may arrive later
	decoder  *codec.VideoDecoder
	codec    mixer.Codec // codec of decoder
	newest   *codec.Frame
	frames   int           // number of frames decoded so far
	offset   time.Duration // least difference so far between the arrival of a packet, on the screen's clock, and its PTS
	composed time.Duration // when newest was composed, on the screen's clock
}

// NewScreen returns a Screen for a view with the given canvas. Colours count as equal if Near says so for the given
// tolerance.
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

// Decode decodes the next packet.
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
			s.t.Errorf("decode the video: %v", err)
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
		s.t.Errorf("decode the video: %v", err)
	}
	for _, f := range frames {
		s.newest.Close()
		s.newest = f
		s.frames++
	}
}

// Composed returns when the newest frame was composed. The estimate assumes that the fastest packet so far had no transit,
// so the delay of a slow machine does not count.
func (s *Screen) Composed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started.Add(s.composed)
}

// Shown returns the number of frames so far, and the size of the newest one.
func (s *Screen) Shown() (frames int, size mixer.Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil {
		size = mixer.Size{W: s.newest.Width(), H: s.newest.Height()}
	}
	return s.frames, size
}

// Mean returns the mean colour of a part of the newest frame. part maps the bounds of the frame to those of the part. The
// result is false before the first frame.
func (s *Screen) Mean(part func(all image.Rectangle) image.Rectangle) (codec.Colour, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return codec.Colour{}, false
	}
	return s.newest.Mean(part(s.newest.Bounds())), true
}

// Tile returns the mean colour in the middle of tile i in a grid of n tiles, if the tile shows a source of w by h pixels.
// The result is false while the newest frame does not have the size of the canvas.
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

// Shows tells whether tile i in a grid of n tiles shows v. It ignores the edges of the tile.
func (s *Screen) Shows(i, n int, v Video) bool {
	got, ok := s.Tile(i, n, v.Width, v.Height)
	return ok && Near(got, v.Colour, s.tolerance)
}

// ShowsAll tells whether the newest frame is a grid of exactly the given videos, in their order.
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

// Near tells whether none of the components Y, U and V of two colours differ by more than the tolerance.
func Near(a, b codec.Colour, tolerance int) bool {
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.Y, b.Y) <= tolerance && d(a.U, b.U) <= tolerance && d(a.V, b.V) <= tolerance
}
