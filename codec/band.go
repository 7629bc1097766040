package codec

//#include <stdlib.h>
//#include "band.h"
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// band shrinks an H.264 picture while it is decoded, row by row: a little later it has to be fetched from memory again,
// which takes longer than shrinking it. It guesses that the next picture is like the last and comes out at once; where
// that is wrong the picture is shrunk afterwards, as those of other formats are.
type band struct {
	c             *C.struct_band // what the decoder sees; nil for other formats
	width, height int            // that are needed; zero: all
	whole         [2]int         // size of the last picture, zero where none or one that cannot be shrunk
	small         *Frame         // of the picture that is decoded; nil for none
	wrong         bool           // the guess was, since the last key packet
	pool          pool
}

func (b *band) open(ctx *astiav.CodecContext) {
	b.c = (*C.struct_band)(C.calloc(1, C.sizeof_struct_band))
	C.watch_bands((*C.AVCodecContext)(ctx.UnsafePointer()), b.c)
}

// begin prepares for the next picture.
func (b *band) begin(key bool) error {
	if b.c == nil {
		return nil
	}
	b.c.twice, b.c.of = 0, nil
	b.wrong = b.wrong && !key
	twice := shrinkFactor(b.whole[0], b.whole[1], b.width, b.height)
	if twice == 0 || b.wrong {
		return nil
	}
	small, err := b.pool.get(shrunk(b.whole[0], twice), shrunk(b.whole[1], twice))
	if err != nil {
		return err
	}
	b.small = small
	b.c.to, b.c.twice = small.areas(), C.int(twice)
	b.c.width, b.c.height = C.int(b.whole[0]), C.int(b.whole[1])
	return nil
}

// end gives what was shrunk to its picture, if that came.
func (b *band) end(frames []*Frame) error {
	for _, f := range frames {
		b.whole = [2]int{}
		if f.planar() {
			b.whole = [2]int{f.Width(), f.Height()}
		}
		if b.small != nil && f.planar() && C.band_done(b.c, (*C.AVFrame)(f.f.UnsafePointer())) != 0 {
			f.small, b.small = b.small, nil
			if err := f.small.describe(f); err != nil {
				return err
			}
		}
	}
	b.wrong = b.wrong || b.small != nil
	b.small.Close()
	b.small = nil
	return nil
}

func (b *band) close() {
	b.pool.close()
	C.free(unsafe.Pointer(b.c))
	b.c = nil
}
