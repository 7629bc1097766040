package codec

import "slices"

// Decoded is a decoded frame with the cutouts that were made from it. The code that gets a Decoded owns the frame and the
// cutouts. It must call Close, which closes all of them. The zero value holds no frame.
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

// LooksLike tells whether d and other look the same where tiles show them. It compares their cutouts with
// [Frame.LooksLike]. If cutouts are missing or none were wanted, it compares the whole frames. Frames of different sizes do
// not look the same even if their cutouts do, because tiles show each frame in its own shape.
func (d *Decoded) LooksLike(other *Decoded) bool {
	return d.Frame.Bounds() == other.Frame.Bounds() && slices.EqualFunc(d.visible(), other.visible(), (*Frame).LooksLike)
}

// Differs tells whether d and other show different pictures. It is for results that LooksLike tells apart. LooksLike also tells
// results apart that have other cutouts, because the tiles have changed. Then Differs compares the whole frames with
// [Frame.LooksLike].
func (d *Decoded) Differs(other *Decoded) bool {
	sameCutouts := slices.EqualFunc(d.cutouts, other.cutouts, func(a, b madeCutout) bool { return a.Cutout == b.Cutout })
	return sameCutouts && d.partial == other.partial || !d.Frame.LooksLike(other.Frame)
}

// visible returns the frames that LooksLike compares. d still owns them.
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
