package codec

//#cgo pkg-config: libavcodec
//#include <libavcodec/avcodec.h>
import "C"

import "github.com/asticode/go-astiav"

// flushBuffers resets a drained decoder, so that it accepts packets again.
func flushBuffers(c *astiav.CodecContext) {
	C.avcodec_flush_buffers((*C.AVCodecContext)(c.UnsafePointer()))
}
