package codec

import "slices"

// Decoded is a decoded frame with the cutouts that were made of it. The holder of a Decoded owns all its frames and
// closes them together. The zero value holds none.
type Decoded struct {
	Frame   *Frame
	cutouts []madeCutout
	partial bool // some of the wanted cutouts are missing
}

// madeCutout is a cutout and the frame that shows it.
type madeCutout struct {
	Cutout
	frame *Frame // owned
}

// Cutout returns another owner of the frame that shows c; nil if the decoder did not make it.
func (d *Decoded) Cutout(c Cutout) *Frame {
	for _, made := range d.cutouts {
		if made.Cutout == c {
			return made.frame.Ref()
		}
	}
	return nil
}

// LooksLike compares what is shown of two frames, as [Frame.LooksLike] does: their cutouts, or the whole frames where
// cutouts are missing or were not wanted.
func (d *Decoded) LooksLike(o *Decoded) bool {
	return slices.EqualFunc(d.shown(), o.shown(), (*Frame).LooksLike)
}

func (d *Decoded) shown() []*Frame {
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
