package codec

//#include <stdlib.h>
//#include "band.h"
import "C"

import (
	"image"
	"slices"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// maxCutouts is how many cutouts a decoder makes.
const maxCutouts = C.BAND_MOST

// band makes the cutouts that are expected of pictures: of an H.264 picture while it is decoded, row by row, because a
// little later it has to be fetched from memory again, which takes longer than shrinking it. It guesses that the next
// picture is like the last and comes out at once; where that is wrong, and of other formats, they are made afterwards.
type band struct {
	c        *C.struct_band // what the decoder sees; nil for other formats
	expected []Cutout
	made     []Cutout        // by cutters, as they were expected
	of       image.Rectangle // the pictures that cutters are for; empty where there is none, or one that cannot be cut
	cutters  []*cutter
	wrong    bool // the guess was, since the last key packet
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
	b.c.n, b.c.of = 0, nil
	b.wrong = b.wrong && !key
	if b.wrong || !slices.Equal(b.expected, b.made) {
		return nil
	}
	for i, c := range b.cutters {
		f, err := c.pool.get(c.Width, c.Height)
		if err != nil {
			b.drop()
			return err
		}
		c.begun = f
		c.c.to = f.areas()
		b.c.cuts[i] = c.c
	}
	b.c.n, b.c.width, b.c.height = C.int(len(b.cutters)), C.int(b.of.Dx()), C.int(b.of.Dy())
	return nil
}

// end gives its cutouts to every picture.
func (b *band) end(frames []*Frame) error {
	defer b.drop()
	guessed := b.c != nil && b.c.n > 0
	for _, f := range frames {
		if guessed && b.done(f) {
			guessed = false
			if err := b.take(f); err != nil {
				return err
			}
		} else if err := b.cut(f); err != nil {
			return err
		}
	}
	b.wrong = b.wrong || guessed
	return nil
}

// done tells whether the cutouts of f were made while it was decoded.
func (b *band) done(f *Frame) bool {
	return f.planar() && C.band_done(b.c, (*C.AVFrame)(f.f.UnsafePointer())) != 0
}

// take gives f what was made of it while it was decoded.
func (b *band) take(f *Frame) error {
	for _, c := range b.cutters {
		if err := c.begun.describe(f); err != nil {
			return err
		}
		f.cutouts = append(f.cutouts, cutout{c.Cutout, c.begun})
		c.begun = nil
	}
	f.whole = len(b.cutters) < len(b.made)
	return nil
}

// drop gives up what was begun.
func (b *band) drop() {
	for _, c := range b.cutters {
		c.begun.Close()
		c.begun = nil
	}
}

// cut makes the cutouts of f.
func (b *band) cut(f *Frame) error {
	if err := b.prepare(f); err != nil {
		return err
	}
	for _, c := range b.cutters {
		small, err := c.cut(f)
		if err != nil {
			return err
		}
		f.cutouts = append(f.cutouts, cutout{c.Cutout, small})
	}
	f.whole = len(b.cutters) < len(b.made)
	return nil
}

// prepare makes a cutter for everything that is expected of a picture like f.
func (b *band) prepare(f *Frame) error {
	of := f.Bounds()
	if !f.planar() {
		of = image.Rectangle{}
	}
	if of == b.of && slices.Equal(b.expected, b.made) {
		return nil
	}
	b.clear()
	b.made, b.of = b.expected, of
	for _, cut := range b.expected[:min(len(b.expected), maxCutouts)] {
		if !cut.averages(f) {
			continue
		}
		c, err := newCutter(cut, of)
		if err != nil {
			return err
		}
		b.cutters = append(b.cutters, c)
	}
	return nil
}

func (b *band) clear() {
	for _, c := range b.cutters {
		c.close()
	}
	b.cutters = nil
}

func (b *band) close() {
	b.clear()
	C.free(unsafe.Pointer(b.c))
	b.c = nil
}
