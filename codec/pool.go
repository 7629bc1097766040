package codec

//#cgo pkg-config: libavutil
//#include <libavutil/buffer.h>
//#include <libavutil/frame.h>
//#include <libavutil/imgutils.h>
//
//enum { align = 64 };
//
//static AVBufferPool *new_pool(enum AVPixelFormat format, int width, int height) {
//	int size = av_image_get_buffer_size(format, width, height, align);
//	return size < 0 ? NULL : av_buffer_pool_init(size, NULL);
//}
//
//// fill gives f a buffer of the pool. The caller must have set the format and the size of f.
//static int fill(AVBufferPool *pool, AVFrame *f) {
//	f->buf[0] = av_buffer_pool_get(pool);
//	if (!f->buf[0])
//		return AVERROR(ENOMEM);
//	return av_image_fill_arrays(f->data, f->linesize, f->buf[0]->data, f->format, f->width, f->height, align);
//}
import "C"

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// pool allocates 4:2:0 frames of one size, and reuses the memory of closed frames. Without a pool, the allocator returns
// memory pages to the system and requests them again for every frame. This takes more time than the work on the frame.
// Frames may outlive their pool. One goroutine owns a pool; the zero value is ready.
type pool struct {
	c             *C.AVBufferPool
	width, height int
}

// get returns a frame in BT.709 of limited range with undefined content, owned by the caller. If the size differs from the
// size of the last call, get first frees the unused memory of the old size.
func (p *pool) get(width, height int) (*Frame, error) {
	if p.c == nil || p.width != width || p.height != height {
		p.close()
		p.c = C.new_pool(C.AV_PIX_FMT_YUV420P, C.int(width), C.int(height))
		p.width, p.height = width, height
	}
	if p.c == nil {
		return nil, fmt.Errorf("pool frames of %dx%d: out of memory", width, height)
	}
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(astiav.PixelFormatYuv420P)
	f.SetColorRange(astiav.ColorRangeMpeg)
	f.SetColorSpace(canvasMatrix)
	if n := C.fill(p.c, (*C.AVFrame)(f.UnsafePointer())); n < 0 {
		f.Free()
		return nil, translate(fmt.Sprintf("allocate a frame of %dx%d", width, height), astiav.Error(n))
	}
	return own(f), nil
}

// close frees the unused memory. The memory of frames that are still open is freed when they are closed.
func (p *pool) close() { C.av_buffer_pool_uninit(&p.c) }
