package codec

//#cgo CFLAGS: -O3
//#include <stdint.h>
//#include <stddef.h>
//
//// Compilers pick every third byte out of a row sixteen at a time only where SSSE3 may be used, which is asked for when the program starts.
//#if defined(__x86_64__) && defined(__GLIBC__)
//#define CLONES __attribute__((target_clones("ssse3", "default")))
//#else
//#define CLONES
//#endif
//
//// halve averages blocks of 2x2 samples. width and height are those of the result.
//static void halve(uint8_t *restrict dst, ptrdiff_t dst_stride, const uint8_t *restrict src, ptrdiff_t src_stride, int width, int height) {
//	for (int y = 0; y < height; y++) {
//		const uint16_t *a = (const uint16_t *)(src + 2 * y * src_stride);
//		const uint16_t *b = (const uint16_t *)(src + (2 * y + 1) * src_stride);
//		uint8_t *d = dst + y * dst_stride;
//		for (int x = 0; x < width; x++)
//			d[x] = ((a[x] & 255) + (a[x] >> 8) + (b[x] & 255) + (b[x] >> 8) + 2) >> 2;
//	}
//}
//
//enum { longest = 16384 };
//
//// mean is (3a + 2b + 3c) / 8, off by less than one, in the steps that processors have for sixteen samples at a time.
//static inline uint8_t mean(uint8_t a, uint8_t b, uint8_t c) {
//	uint8_t not_a = ~a, not_c = ~c;
//	uint8_t outer = ~(uint8_t)((not_a + not_c + 1) >> 1); // rounded down, since the next steps round up
//	uint8_t half = (outer + b + 1) >> 1;
//	return (outer + half + 1) >> 1;
//}
//
//// third_row makes one row of three.
//CLONES static void third_row(uint8_t *restrict dst, const uint8_t *restrict a, ptrdiff_t stride, int width) {
//	uint8_t column[longest];
//	const uint8_t *b = a + stride, *c = b + stride;
//	for (int x = 0; x < 3 * width; x++)
//		column[x] = mean(a[x], b[x], c[x]);
//	for (int x = 0; x < width; x++)
//		dst[x] = mean(column[3 * x], column[3 * x + 1], column[3 * x + 2]);
//}
//
//// third averages blocks of 3x3 samples. width and height are those of the result, from_width and from_height those of the source, which may have a few rows and columns more than is needed: single ones are left out, evenly spread, so that
//// nothing is more than half a sample away from where it belongs.
//static void third(uint8_t *restrict dst, ptrdiff_t dst_stride, const uint8_t *restrict src, ptrdiff_t src_stride,
//		int width, int height, int from_width, int from_height) {
//	int columns = from_width - 3 * width, rows = from_height - 3 * height;
//	for (int y = 0; y < height; y++) {
//		const uint8_t *s = src + (3 * y + (y * (rows + 1)) / height) * src_stride;
//		uint8_t *d = dst + y * dst_stride;
//		for (int left = 0, x = 0; left <= columns; left++) {
//			int end = (left + 1) * width / (columns + 1);
//			third_row(d + x, s + 3 * x + left, src_stride, end - x);
//			x = end;
//		}
//	}
//}
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
	small := f.Ref()
	if small == nil {
		return nil, ErrClosed
	}
	for i := range s.pools {
		factor := small.shrinks(width, height)
		if factor == 1 {
			break
		}
		next, err := s.pools[i].get(small.Width()/factor&^1, small.Height()/factor&^1, small)
		if err == nil {
			next.average(small, factor)
		}
		small.Close()
		if err != nil {
			return nil, err
		}
		small = next
	}
	return small, nil
}

// Close gives back the memory of pictures that were closed. It is nil-safe and may be called twice.
func (s *Shrinker) Close() {
	if s == nil {
		return
	}
	for i := range s.pools {
		s.pools[i].close()
	}
}

// shrinks is by what f can be shrunk next, 2 or 3, so that it is not smaller than width by height; 1 if it cannot.
func (f *Frame) shrinks(width, height int) int {
	if width < 1 || height < 1 || !f.planar() {
		return 1
	}
	switch n := min(f.Width()/width, f.Height()/height); {
	case n == 3 && f.Width()/3&^1 >= width && f.Height()/3&^1 >= height:
		return 3
	case n >= 2 && f.Width()%4 == 0 && f.Height()%4 == 0:
		return 2
	}
	return 1
}

// average fills f with src, which is larger by factor: 2 or 3.
func (f *Frame) average(src *Frame, factor int) {
	to, from := f.planes(), src.planes()
	for i := range to {
		d, s := to[i], from[i]
		dst, pix := (*C.uint8_t)(unsafe.Pointer(&d.pix[0])), (*C.uint8_t)(unsafe.Pointer(&s.pix[0]))
		if factor == 2 {
			C.halve(dst, C.ptrdiff_t(d.stride), pix, C.ptrdiff_t(s.stride), C.int(d.width), C.int(d.height))
		} else {
			C.third(dst, C.ptrdiff_t(d.stride), pix, C.ptrdiff_t(s.stride), C.int(d.width), C.int(d.height), C.int(s.width), C.int(s.height))
		}
	}
}

// planar tells whether f is 8-bit 4:2:0 of limited range.
func (f *Frame) planar() bool {
	return f.f.PixelFormat() == astiav.PixelFormatYuv420P && f.f.ColorRange() != astiav.ColorRangeJpeg
}
