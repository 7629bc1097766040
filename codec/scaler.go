package codec

//#cgo pkg-config: libswscale libavutil
//#include <libavutil/pixdesc.h>
//#include <libswscale/swscale.h>
//
//// is_grey tells whether f has luma alone.
//static int is_grey(const AVFrame *f) {
//	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
//	return d && d->nb_components < 3;
//}
import "C"

import (
	"fmt"
	"image"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// Scaler scales frames. It also converts any pixel format and colour range to those of the destination. Cut also converts the
// YCbCr matrix. A Scaler keeps the coefficients of its last call, for further calls with the same sizes. One goroutine owns it.
type Scaler struct {
	c      *C.SwsContext // nil after Close
	cutter *cutter       // made the last cutout that needed averaging; nil before the first
	pool   pool          // memory for the cutouts that the cutter does not make
}

// NewScaler returns a scaler that averages areas when it shrinks, and interpolates linearly when it enlarges.
func NewScaler() (*Scaler, error) {
	c := C.sws_alloc_context()
	if c == nil {
		return nil, fmt.Errorf("allocate a scaler: out of memory")
	}
	c.flags = C.SWS_AREA
	c.threads = 1
	return &Scaler{c: c}, nil
}

// Cut returns a cutout of src, 8-bit 4:2:0 in BT.709 of limited range, owned by the caller. If src has this format already, and
// the cutout is the whole of src in its original size, the cutout shares the pixels of src.
func (s *Scaler) Cut(src *Frame, cut Cutout) (*Frame, error) {
	if s.c == nil || src == nil || src.f == nil {
		return nil, fmt.Errorf("scale: %w", mixer.ErrClosed)
	}
	part := cut.part(src.Bounds())
	switch {
	case src.planar() && part == image.Rect(0, 0, cut.Width, cut.Height) && part == src.Bounds():
		return s.pool.inMatrix(src, canvasMatrix)
	case cut.averages(src):
		return s.average(src, cut)
	}
	dst, err := s.pool.get(cut.Width, cut.Height)
	if err != nil {
		return nil, err
	}
	cropped, err := src.Crop(part)
	if err == nil {
		err = s.Scale(dst, cropped)
		cropped.Close()
	}
	if err != nil {
		dst.Close()
		return nil, err
	}
	dst.setMatrix(canvasMatrix)
	return dst, nil
}

// average makes the cutout with a cutter. It keeps the cutter for further frames of the same size.
func (s *Scaler) average(src *Frame, cut Cutout) (*Frame, error) {
	if s.cutter == nil || s.cutter.Cutout != cut || s.cutter.size != src.Bounds() {
		c, err := newCutter(cut, src.Bounds())
		if err != nil {
			return nil, err
		}
		s.cutter.close()
		s.cutter = c
	}
	return s.cutter.cut(src)
}

// Scale scales the whole of src to the whole of dst. The size, format and range of dst do not change, but dst gets the matrix of
// src: swscale would convert the matrix with larger errors, by way of RGB. src is only read.
func (s *Scaler) Scale(dst, src *Frame) error {
	if s.c == nil {
		return fmt.Errorf("scale: %w", mixer.ErrClosed)
	}
	dst.f.SetColorSpace(src.f.ColorSpace())
	if dst.f.ColorRange() == astiav.ColorRangeMpeg && src.isLimitedGrey() {
		// swscale takes all grey for full range. It keeps the samples if dst has full range too.
		dst.f.SetColorRange(astiav.ColorRangeJpeg)
		defer dst.f.SetColorRange(astiav.ColorRangeMpeg)
	}
	return translate("scale", scaleFrame(s.c, dst.f, src.f))
}

// isLimitedGrey tells whether f has luma of limited range and no chroma.
func (f *Frame) isLimitedGrey() bool {
	return C.is_grey((*C.AVFrame)(f.f.UnsafePointer())) != 0 && f.f.ColorRange() != astiav.ColorRangeJpeg
}

func scaleFrame(c *C.SwsContext, dst, src *astiav.Frame) error {
	n := C.sws_scale_frame(c, (*C.AVFrame)(dst.UnsafePointer()), (*C.AVFrame)(src.UnsafePointer()))
	if n < 0 {
		return astiav.Error(n)
	}
	return nil
}

// Close frees the scaler. It is nil-safe and may be called twice.
func (s *Scaler) Close() {
	if s == nil || s.c == nil {
		return
	}
	C.sws_free_context(&s.c)
	s.cutter.close()
	s.pool.close()
}
