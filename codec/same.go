package codec

//#cgo pkg-config: libavutil
//#include <string.h>
//#include <libavutil/frame.h>
//#include <libavutil/imgutils.h>
//#include <libavutil/pixdesc.h>
//
//// near tells whether the samples of two rows differ by at most the tolerance. size is the length of a row in bytes.
//__attribute__((optimize("O3"))) static int near(const uint8_t *a, const uint8_t *b, int size, int tolerance) {
//	uint8_t most = 0;
//	for (int x = 0; x < size; x++) {
//		uint8_t d = a[x] > b[x] ? a[x] - b[x] : b[x] - a[x];
//		most = d > most ? d : most;
//	}
//	return most <= tolerance;
//}
//
//// rows_near tells whether the samples of two planes differ by at most the tolerance. It compares every 16th row first, and
//// then the rows between. Moving objects are usually more than a few rows high, so rows_near finds a difference soon.
//static int rows_near(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride, int size, int rows, int tolerance) {
//	static const int order[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
//	for (int i = 0; i < 16; i++)
//		for (int y = order[i]; y < rows; y += 16) {
//			const uint8_t *p = a + (ptrdiff_t)y * a_stride, *q = b + (ptrdiff_t)y * b_stride;
//			if (memcmp(p, q, size) && !(tolerance && near(p, q, size, tolerance)))
//				return 0;
//		}
//	return 1;
//}
//
//// same_pixels tells whether the samples of two frames of the same size and format differ by at most the tolerance. Samples
//// of more than 8 bits must be equal.
//static int same_pixels(const AVFrame *a, const AVFrame *b, int tolerance) {
//	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(a->format);
//	if (!d || d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL))
//		return 0;
//	if (d->comp[0].depth > 8)
//		tolerance = 0;
//	int planes = av_pix_fmt_count_planes(a->format);
//	for (int i = 0; i < planes; i++) {
//		int size = av_image_get_linesize(a->format, a->width, i);
//		int rows = i == 1 || i == 2 ? AV_CEIL_RSHIFT(a->height, d->log2_chroma_h) : a->height;
//		if (!rows_near(a->data[i], a->linesize[i], b->data[i], b->linesize[i], size, rows, tolerance))
//			return 0;
//	}
//	return 1;
//}
//
//// crop removes the given numbers of pixels at the edges of f. It does not copy: the removed pixels stay in memory.
//static int crop(AVFrame *f, int left, int top, int right, int bottom) {
//	f->crop_left = left; f->crop_top = top; f->crop_right = right; f->crop_bottom = bottom;
//	return av_frame_apply_cropping(f, AV_FRAME_CROP_UNALIGNED);
//}
import "C"

import (
	"image"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// Same tells whether both frames have the same size, format, matrix and pixels. If something moved between the frames, Same usually
// returns after comparing a few rows.
func (f *Frame) Same(other *Frame) bool { return f.within(other, 0) }

// invisibleDiff is the largest difference of two 8-bit samples that look the same. A camera's keyframe differs from the
// frame before it even if nothing moves: in a few blocks, samples differ by up to 3. x264 with CRF 26 does not encode such a
// difference.
const invisibleDiff = 3

// LooksLike is like Same, but ignores differences of samples up to invisibleDiff, which nobody sees.
func (f *Frame) LooksLike(other *Frame) bool { return f.within(other, invisibleDiff) }

// within tells whether both frames have the same size, format and matrix, and samples that differ by at most the tolerance.
func (f *Frame) within(other *Frame, tolerance int) bool {
	a, b := f.f, other.f
	if a.Width() != b.Width() || a.Height() != b.Height() || a.PixelFormat() != b.PixelFormat() || a.ColorRange() != b.ColorRange() ||
		a.ColorSpace() != b.ColorSpace() || a.SampleAspectRatio() != b.SampleAspectRatio() {
		return false
	}
	return C.same_pixels((*C.AVFrame)(a.UnsafePointer()), (*C.AVFrame)(b.UnsafePointer()), C.int(tolerance)) != 0
}

// Crop returns the part of f inside r as a frame that shares the pixels of f; the caller must close it. In each
// plane, FFmpeg rounds the left and the top edge down to whole samples.
func (f *Frame) Crop(r image.Rectangle) (*Frame, error) {
	g := f.Ref()
	if g == nil {
		return nil, mixer.ErrClosed
	}
	b := f.Bounds()
	r = r.Intersect(b)
	n := C.crop((*C.AVFrame)(g.f.UnsafePointer()), C.int(r.Min.X), C.int(r.Min.Y), C.int(b.Max.X-r.Max.X), C.int(b.Max.Y-r.Max.Y))
	if n < 0 {
		g.Close()
		return nil, translate("crop a frame", astiav.Error(n))
	}
	return g, nil
}
