package codec

//#cgo pkg-config: libavcodec libavutil
//#include <libavcodec/avcodec.h>
//#include <libavutil/frame.h>
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// plane is one colour plane in C memory. It is valid as long as its frame is owned.
type plane struct {
	pix           []byte
	stride        int
	width, height int // in samples
}

// planes returns Y, U and V of a planar 8-bit 4:2:0 frame.
func (f *Frame) planes() [3]plane {
	c := (*C.AVFrame)(f.f.UnsafePointer())
	var out [3]plane
	for i := range out {
		w, h := f.Width(), f.Height()
		if i > 0 {
			w, h = (w+1)/2, (h+1)/2
		}
		stride := int(c.linesize[i])
		out[i] = plane{
			pix:    unsafe.Slice((*byte)(unsafe.Pointer(c.data[i])), stride*(h-1)+w),
			stride: stride,
			width:  w,
			height: h,
		}
	}
	return out
}

// copyProps copies a frame's metadata: time, range, colour space, aspect ratio.
func copyProps(dst, src *astiav.Frame) error {
	if n := C.av_frame_copy_props((*C.AVFrame)(dst.UnsafePointer()), (*C.AVFrame)(src.UnsafePointer())); n < 0 {
		return astiav.Error(n)
	}
	return nil
}

// samples returns the n interleaved 16-bit values of an audio frame.
func samples(f *astiav.Frame, n int) []int16 {
	c := (*C.AVFrame)(f.UnsafePointer())
	if n == 0 || c.data[0] == nil {
		return nil
	}
	return unsafe.Slice((*int16)(unsafe.Pointer(c.data[0])), n)
}

// plain removes metadata of f that later steps cannot handle. Interlaced fields are shown together. Transfer function and
// primaries are not converted. A matrix that swscale does not know counts as unspecified.
func plain(f *astiav.Frame) {
	c := (*C.AVFrame)(f.UnsafePointer())
	c.flags &^= C.AV_FRAME_FLAG_INTERLACED | C.AV_FRAME_FLAG_TOP_FIELD_FIRST
	c.color_trc = C.AVCOL_TRC_UNSPECIFIED
	c.color_primaries = C.AVCOL_PRI_UNSPECIFIED
	switch c.colorspace {
	case C.AVCOL_SPC_BT709, C.AVCOL_SPC_FCC, C.AVCOL_SPC_BT470BG, C.AVCOL_SPC_SMPTE170M, C.AVCOL_SPC_SMPTE240M, C.AVCOL_SPC_BT2020_NCL:
	default:
		c.colorspace = C.AVCOL_SPC_UNSPECIFIED
	}
}

// limitPixels makes a decoder refuse larger frames before it allocates them.
func limitPixels(c *astiav.CodecContext, n int) {
	(*C.AVCodecContext)(c.UnsafePointer()).max_pixels = C.int64_t(n)
}

// skipLoopFilter turns a decoder's deblocking off or on. It may change between packets.
func skipLoopFilter(c *astiav.CodecContext, skip bool) {
	discard := C.enum_AVDiscard(C.AVDISCARD_DEFAULT)
	if skip {
		discard = C.AVDISCARD_ALL
	}
	(*C.AVCodecContext)(c.UnsafePointer()).skip_loop_filter = discard
}

// decodeErrors returns the flags that a decoder sets on a frame with missing or damaged parts.
func decodeErrors(f *astiav.Frame) int {
	return int((*C.AVFrame)(f.UnsafePointer()).decode_error_flags)
}
