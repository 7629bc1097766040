package codec

//#cgo CFLAGS: -O3
//#include <stdint.h>
//#include <stddef.h>
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
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// halve fills dst with src at half of its size. Both are planar 8-bit 4:2:0, and dst is half as wide and high,
// rounded down.
func (dst *Frame) halve(src *Frame) {
	to, from := dst.planes(), src.planes()
	for i := range to {
		C.halve((*C.uint8_t)(unsafe.Pointer(&to[i].pix[0])), C.ptrdiff_t(to[i].stride),
			(*C.uint8_t)(unsafe.Pointer(&from[i].pix[0])), C.ptrdiff_t(from[i].stride),
			C.int(min(to[i].width, from[i].width/2)), C.int(min(to[i].height, from[i].height/2)))
	}
}

// planar tells whether f is 8-bit 4:2:0 of limited range with sides that divide by four: its half is 4:2:0 too.
func (f *Frame) planar() bool {
	return f.f.PixelFormat() == astiav.PixelFormatYuv420P && f.f.ColorRange() != astiav.ColorRangeJpeg &&
		f.Width()%4 == 0 && f.Height()%4 == 0
}
