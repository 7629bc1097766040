package codec

//#cgo pkg-config: libavutil
//#include <string.h>
//#include <libavutil/frame.h>
//#include <libavutil/imgutils.h>
//#include <libavutil/pixdesc.h>
//
//// same_pixels tells whether two pictures of one size and format are equal; it stops at the first row that differs.
//static int same_pixels(const AVFrame *a, const AVFrame *b) {
//	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(a->format);
//	if (!d || d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL))
//		return 0;
//	int planes = av_pix_fmt_count_planes(a->format);
//	for (int i = 0; i < planes; i++) {
//		int size = av_image_get_linesize(a->format, a->width, i);
//		int rows = i == 1 || i == 2 ? AV_CEIL_RSHIFT(a->height, d->log2_chroma_h) : a->height;
//		for (int y = 0; y < rows; y++)
//			if (memcmp(a->data[i] + y * a->linesize[i], b->data[i] + y * b->linesize[i], size))
//				return 0;
//	}
//	return 1;
//}
//
//// crop moves the picture's edges inwards; what is cut off stays in memory.
//static int crop(AVFrame *f, int left, int top, int right, int bottom) {
//	f->crop_left = left; f->crop_top = top; f->crop_right = right; f->crop_bottom = bottom;
//	return av_frame_apply_cropping(f, AV_FRAME_CROP_UNALIGNED);
//}
import "C"

import (
	"image"

	"github.com/asticode/go-astiav"
)

// Same tells whether both pictures have the same size, format and pixels. Pictures that differ in their upper
// rows, as those of a camera's noise do, cost next to nothing to tell apart.
func (f *Frame) Same(o *Frame) bool {
	a, b := f.f, o.f
	if a.Width() != b.Width() || a.Height() != b.Height() || a.PixelFormat() != b.PixelFormat() || a.ColorRange() != b.ColorRange() ||
		a.SampleAspectRatio() != b.SampleAspectRatio() {
		return false
	}
	return C.same_pixels((*C.AVFrame)(a.UnsafePointer()), (*C.AVFrame)(b.UnsafePointer())) != 0
}

// Crop returns another owner of the part of the picture inside r, which is cut to whole chroma samples.
func (f *Frame) Crop(r image.Rectangle) (*Frame, error) {
	g := f.Ref()
	if g == nil {
		return nil, ErrClosed
	}
	b := f.Bounds()
	r = r.Intersect(b)
	n := C.crop((*C.AVFrame)(g.f.UnsafePointer()), C.int(r.Min.X), C.int(r.Min.Y), C.int(b.Max.X-r.Max.X), C.int(b.Max.Y-r.Max.Y))
	if n < 0 {
		g.Close()
		return nil, translate("crop a picture", astiav.Error(n))
	}
	return g, nil
}
