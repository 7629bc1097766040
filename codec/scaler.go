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
	shrink Shrinker
}

// NewScaler returns a scaler that averages the area a pixel covers when it shrinks a little, and is bilinear when
// it enlarges.
//
// What shrinks to two thirds or less is first shrunk as a [Shrinker] does, and what is left is bicubic in luma.
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
	small, err := s.shrink.Shrink(src, dst.Width(), dst.Height())
	if err != nil {
		return err
	}
	defer small.Close()
	flags := C.uint(C.SWS_AREA)
	if small.Width() < src.Width() {
		flags = C.SWS_BICUBLIN
	}
	if err := s.filter(flags); err != nil {
		return err
	}
	return translate("scale", scaleFrame(s.c, dst.f, small.f))
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
	s.shrink.Close()
}
