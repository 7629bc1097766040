package repeat

import "azulejo/codec/h264"

// Detector follows one H.264 stream. The zero value is ready and knows no parameter sets. A loss or another stream needs
// a new Detector. Not safe for concurrent use.
type Detector struct {
	sets     h264.Sets
	previous h264.Picture // in decoding order
	grain    bool         // decoders add noise
	rbsp     []byte       // scratch
}

// Repeats reads the next access unit in Annex B. It tells whether the access unit is one picture that shows exactly what
// the previous picture in decoding order shows. Later pictures may still refer to such a picture. Of large access units
// only the headers are read.
func (d *Detector) Repeats(accessUnit []byte) bool {
	var u accessUnitState
	for _, nal := range h264.NALs(accessUnit) {
		d.read(&u, nal)
	}
	previous := d.previous
	d.previous = h264.Picture{}
	if u.odd || d.grain || u.slices == 0 {
		return false
	}
	d.previous = u.picture
	return u.skipped == u.picture.SPS.Macroblocks() && continues(&previous, &u.picture)
}

// continues tells whether the picture before is the short-term reference with the highest number for the next one.
func continues(before, next *h264.Picture) bool {
	return before.SlidingWindow && before.SPS == next.SPS && before.SPS.NextFrameNum(before.FrameNum) == next.FrameNum
}

// accessUnitState is what is known so far of an access unit.
type accessUnitState struct {
	picture h264.Picture
	slices  int
	skipped uint32 // macroblocks from the first on that are P_Skip
	odd     bool   // something other than the readable slices of one picture
}

func (d *Detector) read(u *accessUnitState, nal []byte) {
	switch h264.TypeOf(nal) {
	case h264.TypeSlice, h264.TypeIDR:
		d.readSlice(u, nal)
	case h264.TypeSEI:
		d.rbsp = h264.AppendRBSP(d.rbsp[:0], nal)
		d.grain = d.grain || h264.HasFilmGrain(d.rbsp)
	case h264.TypeSPS:
		d.sets.AddSPS(nal)
		u.odd = u.odd || u.slices > 0
	case h264.TypePPS:
		d.sets.AddPPS(nal)
		u.odd = u.odd || u.slices > 0
	case h264.TypeAUD, h264.TypeFiller:
	default:
		u.odd = true
	}
}

// maxHeader is how many bytes of a slice are read for its header.
const maxHeader = 512

func (d *Detector) readSlice(u *accessUnitState, nal []byte) {
	d.rbsp = h264.AppendRBSP(d.rbsp[:0], nal[:min(len(nal), maxHeader)])
	r := h264.NewReader(d.rbsp)
	sl, ok := d.sets.ReadSlice(r, nal[0])
	u.slices++
	if u.odd = u.odd || !ok || nal[0]&0x80 != 0; u.odd {
		return
	}
	if u.slices == 1 {
		u.picture = sl.Picture
	}
	if sl.Picture != u.picture || u.slices == 1 && sl.FirstMacroblock != 0 {
		u.odd = true
		return
	}
	macroblocks := sl.SPS.Macroblocks()
	if sl.FirstMacroblock == u.skipped && sl.CopiesPrevious && len(nal) <= min(maxHeader, maxSkipped(macroblocks)) {
		u.skipped += skipped(r, &sl, macroblocks-u.skipped)
	}
}
