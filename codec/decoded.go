package codec

import "slices"

// Decoded is a decoded frame with the cutouts that were made from it. Its holder owns the frame and the cutouts, and must
// call Close, which closes them together. The zero value holds no frame.
type Decoded struct {
	Frame   *Frame
	cutouts []madeCutout
	partial bool // cutouts lacks some of the cutouts that were wanted
}

// madeCutout is a cutout and its pixels.
type madeCutout struct {
	Cutout
	frame *Frame // the pixels, in the size of the cutout; owned
}

// Cutout returns the pixels of c as a frame that the caller must close; nil if the decoder did not make c.
func (d *Decoded) Cutout(c Cutout) *Frame {
	for _, made := range d.cutouts {
		if made.Cutout == c {
			return made.frame.Ref()
		}
	}
	return nil
}

// LooksLike compares the shown parts of d and o as [Frame.LooksLike] does. These are the cutouts, or the whole frame if
// cutouts are missing or none were wanted.
func (d *Decoded) LooksLike(o *Decoded) bool {
	return slices.EqualFunc(d.visible(), o.visible(), (*Frame).LooksLike)
}

// visible returns the frames that LooksLike compares; they stay owned by d.
func (d *Decoded) visible() []*Frame {
	if d.partial || len(d.cutouts) == 0 {
		return []*Frame{d.Frame}
	}
	all := make([]*Frame, len(d.cutouts))
	for i, made := range d.cutouts {
		all[i] = made.frame
	}
	return all
}

// Close closes the frame and its cutouts. It may be called twice.
func (d *Decoded) Close() {
	d.Frame.Close()
	for _, made := range d.cutouts {
		made.frame.Close()
	}
	*d = Decoded{}
}
