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

// maxShrunkWidth is what a row of shrink.c has room for. Decoders make wider pictures, if they are low.
const maxShrunkWidth = C.SHRINK_LONGEST

// Shrinker makes pictures smaller by factors of 3, 2 and 1.5, which costs next to nothing while what was decoded is still
// in the processor's cache. One goroutine owns it; the zero value is ready.
type Shrinker struct{ pools [maxShrinks]pool }

// Shrink returns another owner of f, or of a picture that is smaller by such factors and not smaller than width by
// height: an average of the area that each pixel covers. Only 8-bit 4:2:0 of limited range is shrunk.
func (s *Shrinker) Shrink(f *Frame, width, height int) (*Frame, error) {
	small := f.begun(width, height)
	if small == nil {
		return nil, ErrClosed
	}
	for i := range s.pools {
		twice := small.shrinks(width, height)
		if twice == 0 {
			break
		}
		next, err := s.pools[i].get(shrunk(small.Width(), twice), shrunk(small.Height(), twice))
		if err == nil {
			err = next.average(small, twice)
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
	if twice := f.shrinks(width, height); twice == 0 ||
		f.small.Width() != shrunk(f.Width(), twice) || f.small.Height() != shrunk(f.Height(), twice) {
		return f.Ref()
	}
	small := f.small.Ref()
	if small != nil {
		small.PTS = f.PTS
	}
	return small
}

// shrinks is twice the factor by which f can be shrunk next so that it is not smaller than width by height: 3, 4 or 6; zero
// if it cannot be.
func (f *Frame) shrinks(width, height int) int {
	if !f.planar() {
		return 0
	}
	return shrinkFactor(f.Width(), f.Height(), width, height)
}

// shrinkFactor is shrinks for a picture of that size.
func shrinkFactor(fromWidth, fromHeight, width, height int) (twice int) {
	if width < 1 || height < 1 || fromWidth > maxShrunkWidth {
		return 0
	}
	fits := func(twice int) bool { return shrunk(fromWidth, twice) >= width && shrunk(fromHeight, twice) >= height }
	switch {
	case fits(6) && !fits(8):
		return 6
	case fits(4):
		return 4
	case fits(3):
		return 3
	}
	return 0
}

// shrunk is the length of a side that was shrunk by half of twice: it is even.
func shrunk(side, twice int) int { return 2 * side / twice &^ 1 }

// average fills f with src, which is larger, and describes it the same way.
func (f *Frame) average(src *Frame, twice int) error {
	to, from := f.areas(), src.areas()
	for i := range to {
		C.shrink_rows(to[i], from[i], C.int(twice), 0, from[i].height)
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

// planar tells whether f is 8-bit 4:2:0 of limited range, from the top down.
func (f *Frame) planar() bool {
	return f.f.PixelFormat() == astiav.PixelFormatYuv420P && f.f.ColorRange() != astiav.ColorRangeJpeg && f.f.Linesize()[0] > 0
}
