package codec

//#cgo pkg-config: libavcodec libavutil
//#include <libavcodec/avcodec.h>
//#include <libavutil/frame.h>
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// plane is one colour plane in C memory. It must not be used after its frame is closed.
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

// copyProps copies the metadata of src to dst: timestamps, range, colour space, aspect ratio.
func copyProps(dst, src *astiav.Frame) error {
	if n := C.av_frame_copy_props((*C.AVFrame)(dst.UnsafePointer()), (*C.AVFrame)(src.UnsafePointer())); n < 0 {
		return astiav.Error(n)
	}
	return nil
}

// samples returns the first n interleaved 16-bit values of an audio frame. It does not copy them, so the result must not be
// used after f is freed.
func samples(f *astiav.Frame, n int) []int16 {
	c := (*C.AVFrame)(f.UnsafePointer())
	if n == 0 || c.data[0] == nil {
		return nil
	}
	return unsafe.Slice((*int16)(unsafe.Pointer(c.data[0])), n)
}

// simplifyMetadata removes metadata of f that scaling cannot handle. It removes the interlaced flags, so both fields of an
// interlaced frame are shown together. It removes the transfer function and the primaries, because azulejo does not convert
// them. It replaces a missing or unknown YCbCr matrix by the one that players assume.
func simplifyMetadata(f *astiav.Frame) {
	c := (*C.AVFrame)(f.UnsafePointer())
	c.flags &^= C.AV_FRAME_FLAG_INTERLACED | C.AV_FRAME_FLAG_TOP_FIELD_FIRST
	c.color_trc = C.AVCOL_TRC_UNSPECIFIED
	c.color_primaries = C.AVCOL_PRI_UNSPECIFIED
	f.SetColorSpace(matrixOf(f))
}

// limitPixels makes a decoder reject frames of more than n pixels before it allocates memory for them.
func limitPixels(c *astiav.CodecContext, n int) {
	(*C.AVCodecContext)(c.UnsafePointer()).max_pixels = C.int64_t(n)
}

// skipLoopFilter turns a decoder's deblocking off if skip is true, and on if it is false. It may be called between two
// packets.
func skipLoopFilter(c *astiav.CodecContext, skip bool) {
	discard := C.enum_AVDiscard(C.AVDISCARD_DEFAULT)
	if skip {
		discard = C.AVDISCARD_ALL
	}
	(*C.AVCodecContext)(c.UnsafePointer()).skip_loop_filter = discard
}

// decodeErrors returns decode_error_flags of f. A decoder sets these flags on frames with missing or corrupt parts.
func decodeErrors(f *astiav.Frame) int {
	return int((*C.AVFrame)(f.UnsafePointer()).decode_error_flags)
}
