package repeat

// Detector follows one H.264 stream. The zero value is ready, knows no parameter sets, and stays so after a loss or
// another stream: then a new one is needed. Not safe for concurrent use.
type Detector struct {
	sets   sets
	before picture // in decoding order
	grain  bool    // decoders add noise
	rbsp   []byte  // scratch
}

// Repeats takes the next access unit in Annex B and tells whether it is one picture that shows exactly what the one
// before shows, in decoding order. It may still be a reference for those that follow. Of large ones only the headers
// are read.
func (d *Detector) Repeats(accessUnit []byte) bool {
	var u unit
	for nal := range nals(accessUnit) {
		d.take(&u, nal)
	}
	before := d.before
	d.before = picture{}
	if u.odd || d.grain || u.slices == 0 {
		return false
	}
	d.before = u.picture
	return u.covered == u.seq.blocks && before.reference && before.seq == u.seq && before.seq.following(before.frameNum) == u.frameNum
}

// unit is what is known so far of an access unit.
type unit struct {
	picture
	slices  int
	covered uint32 // macroblocks from the first on that are copied
	odd     bool   // not one picture of slices of which everything is known
}

func (d *Detector) take(u *unit, nal []byte) {
	switch nal[0] & 0x1f {
	case nalSlice, nalIDR:
		d.slice(u, nal)
	case nalSEI:
		d.rbsp = payload(d.rbsp[:0], nal)
		d.grain = d.grain || grainy(d.rbsp)
	case nalSPS:
		d.sets.learnSequence(nal)
		u.odd = u.odd || u.slices > 0
	case nalPPS:
		d.rbsp = payload(d.rbsp[:0], nal)
		d.sets.learnPicture(d.rbsp)
		u.odd = u.odd || u.slices > 0
	case nalAUD, nalFiller:
	default:
		u.odd = true
	}
}

// maxHeader is how many bytes of a slice are looked at for its header.
const maxHeader = 512

func (d *Detector) slice(u *unit, nal []byte) {
	d.rbsp = payload(d.rbsp[:0], nal[:min(len(nal), maxHeader)])
	r := reader{data: d.rbsp}
	sl, ok := d.sets.readSlice(&r, nal[0])
	u.slices++
	if u.odd = u.odd || !ok || nal[0]&0x80 != 0; u.odd {
		return
	}
	if u.slices == 1 {
		u.picture = sl.picture
	}
	if sl.picture != u.picture || u.slices == 1 && sl.first != 0 {
		u.odd = true
		return
	}
	if sl.first == u.covered && sl.copies && len(nal) <= min(maxHeader, maxSkipped(sl.seq.blocks)) {
		u.covered += skipped(&r, &sl, sl.seq.blocks-u.covered)
	}
}
