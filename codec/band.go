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

// band makes the wanted cutouts of decoded frames. Those of an H.264 frame are made while it is decoded, row by row: a
// little later the rows are no longer in the processor's cache, and fetching them takes longer than shrinking them. The
// band guesses that the next frame has the size of the last one and comes out at once. Where the guess is wrong, and for
// other formats, the cutouts are made after decoding.
type band struct {
	c       *C.struct_band  // shared with the decoder; nil for other formats than H.264
	wanted  []Cutout        // of the frame that is decoded
	cutFor  []Cutout        // the wanted cutouts that the cutters were made for
	size    image.Rectangle // of the frames that the cutters were made for; empty: none, or frames that cannot be cut
	cutters []*cutter
	missed  bool // a guess was wrong since the last key packet
}

func (b *band) open(ctx *astiav.CodecContext) {
	b.c = (*C.struct_band)(C.calloc(1, C.sizeof_struct_band))
	C.watch_bands((*C.AVCodecContext)(ctx.UnsafePointer()), b.c)
}

// prepare allocates the cutouts of the next frame, if the guess is that they can be made while it is decoded.
func (b *band) prepare(key bool, wanted []Cutout) error {
	b.wanted = wanted
	if b.c == nil {
		return nil
	}
	b.c.n, b.c.first = 0, nil
	b.missed = b.missed && !key
	if b.missed || !slices.Equal(b.wanted, b.cutFor) {
		return nil
	}
	for i, c := range b.cutters {
		f, err := c.pool.get(c.Width, c.Height)
		if err != nil {
			b.abandon()
			return err
		}
		c.unfinished = f
		c.c.to = f.areas()
		b.c.cuts[i] = c.c
	}
	b.c.n, b.c.width, b.c.height = C.int(len(b.cutters)), C.int(b.size.Dx()), C.int(b.size.Dy())
	return nil
}

// finish takes over the frames and returns each with its cutouts, all of them also after an error.
func (b *band) finish(frames []*Frame) (all []Decoded, err error) {
	defer b.abandon()
	guessed := b.c != nil && b.c.n > 0
	for _, f := range frames {
		d := Decoded{Frame: f, partial: true}
		switch {
		case err != nil:
		case guessed && b.done(f):
			guessed = false
			err = b.attach(&d)
		default:
			err = b.cut(&d)
		}
		all = append(all, d)
	}
	b.missed = b.missed || err == nil && guessed
	return all, err
}

// done tells whether the cutouts of f were made while it was decoded.
func (b *band) done(f *Frame) bool {
	return f.planar() && C.band_done(b.c, (*C.AVFrame)(f.f.UnsafePointer())) != 0
}

// attach gives d the cutouts that were made while it was decoded.
func (b *band) attach(d *Decoded) error {
	for _, c := range b.cutters {
		if err := c.unfinished.describe(d.Frame); err != nil {
			return err
		}
		d.cutouts = append(d.cutouts, madeCutout{c.Cutout, c.unfinished})
		c.unfinished = nil
	}
	d.partial = len(b.cutters) < len(b.cutFor)
	return nil
}

// abandon frees the prepared cutouts that no frame got.
func (b *band) abandon() {
	for _, c := range b.cutters {
		c.unfinished.Close()
		c.unfinished = nil
	}
}

// cut makes the cutouts of d after it was decoded.
func (b *band) cut(d *Decoded) error {
	if err := b.renew(d.Frame); err != nil {
		return err
	}
	for _, c := range b.cutters {
		f, err := c.cut(d.Frame)
		if err != nil {
			return err
		}
		d.cutouts = append(d.cutouts, madeCutout{c.Cutout, f})
	}
	d.partial = len(b.cutters) < len(b.cutFor)
	return nil
}

// renew makes the cutters for a frame like f, unless there are such.
func (b *band) renew(f *Frame) error {
	size := f.Bounds()
	if !f.planar() {
		size = image.Rectangle{}
	}
	if size == b.size && slices.Equal(b.wanted, b.cutFor) {
		return nil
	}
	b.clear()
	b.cutFor, b.size = b.wanted, size
	for _, cut := range b.wanted[:min(len(b.wanted), maxCutouts)] {
		if !cut.averages(f) {
			continue
		}
		c, err := newCutter(cut, size)
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
