package codec

//#cgo CFLAGS: -O3
//#include "shrink.h"
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// maxShrinks is how often a picture is shrunk at most: 16384 pixels to 64.
const maxShrinks = 8

// Shrinker makes pictures smaller by whole factors, which costs next to nothing while what was decoded is still in
// the processor's cache. One goroutine owns it; the zero value is ready.
type Shrinker struct{ pools [maxShrinks]pool }

// Shrink returns another owner of f, or of a picture that is smaller by whole factors and not smaller than width by
// height: an average of the area that each pixel covers. Only 8-bit 4:2:0 of limited range is shrunk.
func (s *Shrinker) Shrink(f *Frame, width, height int) (*Frame, error) {
	small := f.begun(width, height)
	if small == nil {
		return nil, ErrClosed
	}
	for i := range s.pools {
		factor := small.shrinks(width, height)
		if factor == 1 {
			break
		}
		next, err := s.pools[i].get(shrunk(small.Width(), factor), shrunk(small.Height(), factor))
		if err == nil {
			err = next.average(small, factor)
		}
		small.Close()
		if err != nil {
			next.Close()
			return nil, err
		}
		small = next
	}
	return small, nil
}

// Close gives back the memory of pictures that were closed. It may be called twice.
func (s *Shrinker) Close() {
	for i := range s.pools {
		s.pools[i].close()
	}
}

// begun is another owner of f, or of what the decoder has shrunk of it already if that is on the way.
func (f *Frame) begun(width, height int) *Frame {
	if f == nil || f.small == nil {
		return f.Ref()
	}
	if factor := f.shrinks(width, height); factor == 1 || f.small.Width() != shrunk(f.Width(), factor) {
		return f.Ref()
	}
	small := f.small.Ref()
	if small != nil {
		small.PTS = f.PTS
	}
	return small
}

// shrinks is by what f can be shrunk next, 2 or 3, so that it is not smaller than width by height; 1 if it cannot.
func (f *Frame) shrinks(width, height int) int {
	if !f.planar() {
		return 1
	}
	return shrinkFactor(f.Width(), f.Height(), width, height)
}

// shrinkFactor is by what a picture can be shrunk, 2 or 3, so that it is not smaller than width by height; 1 if it cannot.
func shrinkFactor(fromWidth, fromHeight, width, height int) int {
	if width < 1 || height < 1 {
		return 1
	}
	fits := func(n int) bool { return shrunk(fromWidth, n) >= width && shrunk(fromHeight, n) >= height }
	switch {
	case fits(3) && !fits(4):
		return 3
	case fits(2):
		return 2
	}
	return 1
}

// shrunk is the length of a side that was shrunk by factor: it is even.
func shrunk(side, factor int) int { return side / factor &^ 1 }

// average fills f with src, which is larger by factor, and describes it the same way.
func (f *Frame) average(src *Frame, factor int) error {
	to, from := f.areas(), src.areas()
	for i := range to {
		C.shrink_rows(to[i], from[i], C.int(factor), 0, from[i].height)
	}
	return f.describe(src)
}

// areas are the planes of a 4:2:0 frame as C has them.
func (f *Frame) areas() (out [3]C.struct_area) {
	for i, p := range f.planes() {
		out[i] = C.struct_area{(*C.uint8_t)(unsafe.Pointer(&p.pix[0])), C.ptrdiff_t(p.stride), C.int(p.width), C.int(p.height)}
	}
	return out
}

// planar tells whether f is 8-bit 4:2:0 of limited range.
func (f *Frame) planar() bool {
	return f.f.PixelFormat() == astiav.PixelFormatYuv420P && f.f.ColorRange() != astiav.ColorRangeJpeg
}
