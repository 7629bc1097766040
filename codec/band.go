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

// maxCutouts is the maximum number of cutouts that a decoder makes of each frame.
const maxCutouts = C.BAND_MOST

// band makes the wanted cutouts of decoded frames. It makes the cutouts of an H.264 frame row by row while the frame is
// decoded. After decoding, the rows are no longer in the processor's cache, and fetching them from memory takes longer than
// shrinking them.
//
// To begin before the frame is known, the band makes a guess: the decoder will output the next frame without delay, and the
// frame will have the size of the last frame. If the guess is wrong, the band makes the cutouts after decoding. It does so
// too for other codecs than H.264.
type band struct {
	c        *C.struct_band  // shared with the decoder; nil for other codecs than H.264
	wanted   []Cutout        // the cutouts to make of the next frame
	builtFor []Cutout        // the value of wanted that the cutters were made for
	size     image.Rectangle // the frame size that the cutters were made for; empty: none yet, or frames that are not planar
	cutters  []*cutter
	missed   bool // since the last keyframe, the guess was wrong for a frame
}

// open makes the H.264 decoder ctx report its rows to b.
func (b *band) open(ctx *astiav.CodecContext) {
	b.c = (*C.struct_band)(C.calloc(1, C.sizeof_struct_band))
	C.watch_bands((*C.AVCodecContext)(ctx.UnsafePointer()), b.c)
}

// prepare stores the cutouts that are wanted of the next frame. It also allocates their pixels, so that the cutouts are made
// while the frame is decoded. It allocates nothing if wanted has changed, or if the guess was wrong since the last keyframe;
// then the cutouts are made after decoding. key says that the next frame is a keyframe.
func (b *band) prepare(key bool, wanted []Cutout) error {
	b.wanted = wanted
	if b.c == nil {
		return nil
	}
	b.c.n, b.c.first = 0, nil
	b.missed = b.missed && !key
	if b.missed || !slices.Equal(b.wanted, b.builtFor) {
		return nil
	}
	for i, c := range b.cutters {
		f, err := c.pool.get(c.Width, c.Height)
		if err != nil {
			b.abandon()
			return err
		}
		c.unfinished = f
		c.c.dst = f.areas()
		b.c.cuts[i] = c.c
	}
	b.c.n, b.c.width, b.c.height = C.int(len(b.cutters)), C.int(b.size.Dx()), C.int(b.size.Dy())
	return nil
}

// finish takes ownership of the decoded frames, and returns each frame with its cutouts. If there is an error, finish still
// returns all frames, but cutouts may be missing.
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

// done tells whether the cutouts of f were completed while f was decoded.
func (b *band) done(f *Frame) bool {
	return f.planar() && C.band_done(b.c, (*C.AVFrame)(f.f.UnsafePointer())) != 0
}

// attach adds the cutouts that were made during decoding to d.
func (b *band) attach(d *Decoded) error {
	for _, c := range b.cutters {
		if err := c.unfinished.finishCutout(d.Frame); err != nil {
			return err
		}
		d.cutouts = append(d.cutouts, madeCutout{c.Cutout, c.unfinished})
		c.unfinished = nil
	}
	d.partial = len(b.cutters) < len(b.builtFor)
	return nil
}

// abandon closes the unfinished cutouts: those that prepare allocated, and that no frame got.
func (b *band) abandon() {
	for _, c := range b.cutters {
		c.unfinished.Close()
		c.unfinished = nil
	}
}

// cut makes the cutouts of d after decoding.
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
	d.partial = len(b.cutters) < len(b.builtFor)
	return nil
}

// renew replaces the cutters by new ones for the size of f and the wanted cutouts. It does nothing if the cutters already
// fit.
func (b *band) renew(f *Frame) error {
	size := f.Bounds()
	if !f.planar() {
		size = image.Rectangle{}
	}
	if size == b.size && slices.Equal(b.wanted, b.builtFor) {
		return nil
	}
	b.clear()
	b.builtFor, b.size = b.wanted, size
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

// clear frees the cutters.
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
