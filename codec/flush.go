package codec

//#cgo pkg-config: libavcodec
//#include <libavcodec/avcodec.h>
import "C"

import "github.com/asticode/go-astiav"

// flushBuffers makes a decoder forget all frames. A drained decoder accepts packets again afterwards.
func flushBuffers(c *astiav.CodecContext) {
	C.avcodec_flush_buffers((*C.AVCodecContext)(c.UnsafePointer()))
}
