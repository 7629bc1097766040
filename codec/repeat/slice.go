package repeat

// picture is what all slices of one coded picture have in common (7.4.1.2.4), and how it is marked. The zero value
// is a picture of which nothing is known.
type picture struct {
	seq       *sequence
	set       uint32 // number of the PPS
	idr       bool
	idrID     uint32
	frameNum  uint32
	order     [3]int32 // of which the picture order count is made
	reference bool     // and only the sliding window decides how long
}

// slice is the header of one (7.3.3), as far as it matters.
type slice struct {
	picture
	first     uint32 // macroblock
	cabac     bool
	cabacInit uint32
	qp        int32
	copies    bool // a P slice; index 0 of its list is the picture before, and has no weight
}

// readSlice reads the header of a slice of type I or P; false for all others and what cannot be read.
func (s *sets) readSlice(r *reader, header byte) (sl slice, ok bool) {
	sl.first = r.upTo(maxBlocks)
	kind := r.upTo(9) % 5
	sl.set = r.upTo(pictures - 1)
	p := s.pics[sl.set]
	idr := header&0x1f == nalIDR
	if r.bad || p == nil || kind != 2 && (kind != 0 || idr) {
		return sl, false
	}
	sl.seq = s.seqs[p.seq]
	sl.cabac = p.cabac
	sl.number(r, p, idr)
	if kind == 0 {
		sl.references(r, p)
	}
	if header&0x60 != 0 {
		sl.mark(r)
	}
	if p.cabac && kind == 0 {
		sl.cabacInit = r.upTo(2)
	}
	sl.qp = p.qp + r.within(-127, 127)
	if p.deblockFlags && r.upTo(2) != 1 {
		r.within(-6, 6)
		r.within(-6, 6)
	}
	return sl, !r.bad && sl.qp >= sl.seq.leastQP && sl.qp <= 51
}

// number reads frame_num and what the picture order count is made of.
func (sl *slice) number(r *reader, p *pictureSet, idr bool) {
	sl.frameNum = r.bits(sl.seq.frameNumBits)
	if sl.idr = idr; idr {
		sl.idrID = r.upTo(65535)
	}
	switch {
	case sl.seq.order == 0:
		sl.order[0] = int32(r.bits(sl.seq.orderBits))
		if p.orderDeltas {
			sl.order[1] = r.se()
		}
	case sl.seq.order == 1 && !sl.seq.orderPlain:
		sl.order[1] = r.se()
		if p.orderDeltas {
			sl.order[2] = r.se()
		}
	}
}

// maxFrames is how many entries list 0 of a frame may have (7.4.3).
const maxFrames = 16

// references reads what a P slice says of list 0.
func (sl *slice) references(r *reader, p *pictureSet) {
	n := p.refs
	if r.flag() {
		n = r.upTo(maxFrames-1) + 1
	}
	r.bad = r.bad || n > maxFrames
	sl.copies = !r.flag() || startsWithNewest(r, n, 1<<sl.seq.frameNumBits-1)
	if p.weighted && weightsFirst(r, n, sl.seq.colour) {
		sl.copies = false
	}
}

// startsWithNewest reads ref_pic_list_modification (7.3.3.1) behind its flag, and tells whether the first command
// takes the picture whose number is one less. Long-term pictures are not considered; numbers are up to most.
func startsWithNewest(r *reader, refs, most uint32) (ok bool) {
	for i := range refs + 1 {
		switch command := r.upTo(3); command {
		case 0, 1:
			if v := r.upTo(most); i == 0 {
				ok = command == 0 && v == 0
			}
		case 2:
			r.ue()
			ok = false
		case 3:
			return ok
		}
	}
	r.bad = true // more commands than there are entries
	return false
}

// weightsFirst reads pred_weight_table (7.3.3.2) and tells whether index 0 has weights.
func weightsFirst(r *reader, refs uint32, colour bool) (first bool) {
	r.upTo(7)
	if colour {
		r.upTo(7)
	}
	for i := range refs {
		luma := weights(r, 1)
		chroma := colour && weights(r, 2)
		if i == 0 {
			first = luma || chroma
		}
	}
	return first
}

// weights skips a weight and an offset for each of n components if there are.
func weights(r *reader, n int) bool {
	if !r.flag() {
		return false
	}
	for range 2 * n {
		r.within(-128, 127)
	}
	return true
}

// mark reads dec_ref_pic_marking (7.3.3.3).
func (sl *slice) mark(r *reader) {
	if sl.idr {
		r.flag() // no_output_of_prior_pics_flag
		sl.reference = !r.flag()
		return
	}
	sl.reference = !r.flag()
	for !sl.reference && !r.bad {
		switch r.upTo(6) {
		case 0:
			return
		case 3:
			r.ue()
			r.ue()
		case 5:
		default:
			r.ue()
		}
	}
}
