package repeat

import "azulejo/codec/h264"

// Detector finds the repeats in one H.264 stream. A repeat is a picture that is equal to the previous picture bit for bit.
// The zero value is ready; it has no parameter sets. After a loss, the caller must use a new Detector. A Detector is not
// safe for concurrent use.
type Detector struct {
	sets     h264.Sets
	previous h264.Picture // the previous picture in decoding order; zero if unknown
	grain    bool         // the stream has film grain, so decoders add noise
	rbsp     []byte       // scratch memory
}

// Repeats reads the next access unit, in Annex B. It tells whether the access unit is a repeat of the previous one in
// decoding order. Later pictures may refer to a repeat. To save time, Repeats reads only the headers of large slices.
func (d *Detector) Repeats(accessUnit []byte) bool {
	var u accessUnitState
	for _, nal := range h264.NALs(accessUnit) {
		d.read(&u, nal)
	}
	previous := d.previous
	d.previous = h264.Picture{}
	if u.unsupported || d.grain || u.slices == 0 {
		return false
	}
	d.previous = u.picture
	return u.skipped == u.picture.SPS.Macroblocks() && isNewestReference(&previous, &u.picture)
}

// isNewestReference tells whether previous is the short-term reference with the highest PicNum while current is decoded.
// current must be the picture after previous in decoding order.
func isNewestReference(previous, current *h264.Picture) bool {
	return previous.SlidingWindow && previous.SPS == current.SPS && previous.SPS.NextFrameNum(previous.FrameNum) == current.FrameNum
}

// accessUnitState describes the NAL units of an access unit that have been read so far.
type accessUnitState struct {
	picture     h264.Picture
	slices      int    // number of slices
	skipped     uint32 // number of macroblocks that are known to be P_Skip, counted from the first macroblock
	unsupported bool   // the access unit does not consist of readable slices of one picture
}

// read reads one NAL unit and adds it to u.
func (d *Detector) read(u *accessUnitState, nal []byte) {
	switch h264.TypeOf(nal) {
	case h264.TypeSlice, h264.TypeIDR:
		d.readSlice(u, nal)
	case h264.TypeSEI:
		d.rbsp = h264.AppendRBSP(d.rbsp[:0], nal)
		d.grain = d.grain || h264.HasFilmGrain(d.rbsp)
	case h264.TypeSPS:
		d.sets.AddSPS(nal)
		u.unsupported = u.unsupported || u.slices > 0
	case h264.TypePPS:
		d.sets.AddPPS(nal)
		u.unsupported = u.unsupported || u.slices > 0
	case h264.TypeAUD, h264.TypeFiller:
	default:
		u.unsupported = true
	}
}

// maxHeader is the maximum number of bytes that are read of a slice. The macroblocks of a longer slice never count as skipped.
const maxHeader = 512

// readSlice reads the header of a slice. If all macroblocks of the slice may be P_Skip, it also reads the macroblocks.
func (d *Detector) readSlice(u *accessUnitState, nal []byte) {
	d.rbsp = h264.AppendRBSP(d.rbsp[:0], nal[:min(len(nal), maxHeader)])
	r := h264.NewReader(d.rbsp)
	sl, ok := d.sets.ReadSlice(r, nal[0])
	u.slices++
	if u.unsupported = u.unsupported || !ok || nal[0]&0x80 != 0; u.unsupported {
		return
	}
	if u.slices == 1 {
		u.picture = sl.Picture
	}
	if sl.Picture != u.picture || u.slices == 1 && sl.FirstMacroblock != 0 {
		u.unsupported = true
		return
	}
	macroblocks := sl.SPS.Macroblocks()
	if sl.FirstMacroblock == u.skipped && sl.CopiesPrevious && len(nal) <= min(maxHeader, maxSkipped(macroblocks)) {
		u.skipped += skipped(r, &sl, macroblocks-u.skipped)
	}
}
