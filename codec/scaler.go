package codec

//#cgo pkg-config: libswscale libavutil
//#include <libswscale/swscale.h>
import "C"

import (
	"fmt"
	"image"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// Scaler resizes pictures and brings any pixel format and range to that of the destination. It keeps
// its filters between calls of the same geometry. One goroutine owns it.
type Scaler struct {
	c      *C.SwsContext // nil after Close
	cutter *cutter       // of pictures like the last that could be averaged; nil before
	pool   pool          // for the others
}

// NewScaler returns a scaler that averages the area a pixel covers when it shrinks, and is bilinear when it enlarges.
func NewScaler() (*Scaler, error) {
	c := C.sws_alloc_context()
	if c == nil {
		return nil, fmt.Errorf("allocate a scaler: out of memory")
	}
	c.flags = C.SWS_AREA
	c.threads = 1
	return &Scaler{c: c}, nil
}

// Cut returns that part of src in that size, 4:2:0 and of limited range, owned by the caller: src itself if that is
// what it is.
func (s *Scaler) Cut(src *Frame, cut Cutout) (*Frame, error) {
	if s.c == nil || src == nil || src.f == nil {
		return nil, fmt.Errorf("scale: %w", mixer.ErrClosed)
	}
	part := cut.part(src.Bounds())
	switch {
	case src.planar() && part == image.Rect(0, 0, cut.Width, cut.Height) && part == src.Bounds():
		return src.Ref(), nil
	case cut.averages(src):
		return s.average(src, cut)
	}
	dst, err := s.pool.get(cut.Width, cut.Height)
	if err != nil {
		return nil, err
	}
	dst.f.SetColorRange(astiav.ColorRangeMpeg)
	from, err := src.Crop(part)
	if err == nil {
		err = s.Scale(dst, from)
		from.Close()
	}
	if err != nil {
		dst.Close()
		return nil, err
	}
	return dst, nil
}

func (s *Scaler) average(src *Frame, cut Cutout) (*Frame, error) {
	if s.cutter == nil || s.cutter.Cutout != cut || s.cutter.of != src.Bounds() {
		c, err := newCutter(cut, src.Bounds())
		if err != nil {
			return nil, err
		}
		s.cutter.close()
		s.cutter = c
	}
	return s.cutter.cut(src)
}

// Scale fills dst, which the caller may write to and which says in what format and range, with the whole of src, which
// is only read.
func (s *Scaler) Scale(dst, src *Frame) error {
	if s.c == nil {
		return fmt.Errorf("scale: %w", mixer.ErrClosed)
	}
	return translate("scale", scaleFrame(s.c, dst.f, src.f))
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
	s.cutter.close()
	s.pool.close()
}
