package codec

//#cgo pkg-config: libavcodec libavutil
//#include <string.h>
//#include <libavcodec/avcodec.h>
//
//// reserve gives p a buffer of size bytes. Zeros follow the buffer, because FFmpeg's bitstream readers may read past the
//// end. reserve keeps the old buffer of p if this buffer is large enough and no decoder still holds a reference to it.
//static int reserve(AVPacket *p, int size) {
//	AVBufferRef *b = p->buf;
//	if (!b || !av_buffer_is_writable(b) || b->size < (size_t)size + AV_INPUT_BUFFER_PADDING_SIZE) {
//		av_packet_unref(p);
//		return av_new_packet(p, size);
//	}
//	p->data = b->data;
//	p->size = size;
//	memset(p->data + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
//	return 0;
//}
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// input is the packet that a decoder reads, in C memory. Its buffer grows to the size of the largest packet so far. One
// goroutine owns an input. The zero value marks the end of a stream.
type input struct{ c *C.AVPacket }

func newInput() input { return input{C.av_packet_alloc()} }

// fill replaces the content of i with the data, PTS and keyframe flag of p.
func (i input) fill(p mixer.Packet) error {
	if i.c == nil || len(p.Data) > math.MaxInt32/2 {
		return fmt.Errorf("a packet of %d bytes: out of memory", len(p.Data))
	}
	if n := C.reserve(i.c, C.int(len(p.Data))); n < 0 {
		return astiav.Error(n)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(i.c.data)), len(p.Data)), p.Data)
	i.c.pts, i.c.flags = C.int64_t(p.PTS), 0
	if p.Key {
		i.c.flags = C.AV_PKT_FLAG_KEY
	}
	return nil
}

// sendPacket passes packet to a decoder. The zero input tells the decoder that the stream has ended.
func sendPacket(ctx *astiav.CodecContext, packet input) error {
	if n := C.avcodec_send_packet((*C.AVCodecContext)(ctx.UnsafePointer()), packet.c); n < 0 {
		return astiav.Error(n)
	}
	return nil
}

func (i *input) free() { C.av_packet_free(&i.c) }
