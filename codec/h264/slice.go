package h264

// Picture is what all slices of one coded picture have in common (7.4.1.2.4), and its marking as a reference. Pictures
// compare with ==. The zero value is an unknown picture.
type Picture struct {
	SPS      *SPS
	FrameNum uint32
	// SlidingWindow says that the picture becomes a short-term reference, which the sliding window alone removes
	// (8.2.5.3).
	SlidingWindow bool

	pps   uint32 // its ID
	idr   bool
	idrID uint32
	order [3]int32 // the values that the picture order count is computed from
}

// Slice is the header of an I or P slice (7.3.3).
type Slice struct {
	Picture
	FirstMacroblock uint32
	CABAC           bool
	CABACInit       uint32 // cabac_init_idc
	QP              int32
	// CopiesPrevious is set in a P slice whose P_Skip macroblocks copy from the newest reference: list 0 starts with the
	// short-term reference with the highest PicNum, or with PicNum one less than this picture's, and index 0 has no
	// explicit weights.
	CopiesPrevious bool
}

// Slice types modulo 5 (table 7-6).
const (
	sliceP = 0
	sliceI = 2
)

// ReadSlice reads the header of an I or P slice. r reads the RBSP and is left at the slice data; header is the first byte
// of the NAL unit. It returns false for other slice types, for slices whose parameter sets are not stored, and for
// unreadable headers.
func (s *Sets) ReadSlice(r *Reader, header byte) (sl Slice, ok bool) {
	sl.FirstMacroblock = r.UpTo(maxMacroblocks)
	kind := r.UpTo(9) % 5
	sl.pps = r.UpTo(maxPPS - 1)
	p := s.pps[sl.pps]
	idr := Type(header&0x1f) == TypeIDR
	if r.bad || p == nil || kind != sliceI && (kind != sliceP || idr) {
		return sl, false
	}
	sl.SPS = s.sps[p.sps]
	sl.CABAC = p.cabac
	sl.readNumbers(r, p, idr)
	if kind == sliceP {
		sl.readReferences(r, p)
	}
	if header&0x60 != 0 {
		sl.readMarking(r)
	}
	if p.cabac && kind == sliceP {
		sl.CABACInit = r.UpTo(2)
	}
	sl.QP = p.qp + r.Within(-127, 127)
	if p.deblockFlags && r.UpTo(2) != 1 {
		r.Within(-6, 6)
		r.Within(-6, 6)
	}
	return sl, !r.bad && sl.QP >= sl.SPS.minQP && sl.QP <= 51
}

// Position reads the first two fields of a slice, which do not depend on parameter sets. first is true if the slice starts
// at macroblock 0, intra if it is an I slice (2 and 7 in table 7-6). A field that cannot be read is false.
func Position(nal []byte) (first, intra bool) {
	if len(nal) == 0 {
		return false, false
	}
	r := NewReader(nal[1:]) // emulation prevention cannot occur in the first two codes
	first = r.UE() == 0 && !r.bad
	intra = r.UE()%5 == sliceI && !r.bad
	return first, intra
}

// readNumbers reads frame_num and the values that the picture order count is computed from.
func (sl *Slice) readNumbers(r *Reader, p *pps, idr bool) {
	sl.FrameNum = r.Bits(sl.SPS.frameNumBits)
	if sl.idr = idr; idr {
		sl.idrID = r.UpTo(65535)
	}
	switch {
	case sl.SPS.orderType == 0:
		sl.order[0] = int32(r.Bits(sl.SPS.orderBits))
		if p.orderDeltas {
			sl.order[1] = r.SE()
		}
	case sl.SPS.orderType == 1 && !sl.SPS.orderAlwaysZero:
		sl.order[1] = r.SE()
		if p.orderDeltas {
			sl.order[2] = r.SE()
		}
	}
}

// maxFrames is how many entries list 0 of a frame may have (7.4.3).
const maxFrames = 16

// readReferences reads what a P slice says of list 0.
func (sl *Slice) readReferences(r *Reader, p *pps) {
	n := p.refs
	if r.Flag() {
		n = r.UpTo(maxFrames-1) + 1
	}
	r.bad = r.bad || n > maxFrames
	sl.CopiesPrevious = !r.Flag() || startsWithPrevious(r, n, 1<<sl.SPS.frameNumBits-1)
	if p.weighted && weightsFirst(r, n, sl.SPS.chroma) {
		sl.CopiesPrevious = false
	}
}

// startsWithPrevious reads ref_pic_list_modification (7.3.3.1) behind its flag. It tells whether the first command
// selects the picture whose number is one less and no command selects a long-term picture. Picture numbers are at most
// most.
func startsWithPrevious(r *Reader, refs, most uint32) (ok bool) {
	for i := range refs + 1 {
		switch command := r.UpTo(3); command {
		case 0, 1:
			if v := r.UpTo(most); i == 0 {
				ok = command == 0 && v == 0
			}
		case 2:
			r.UE()
			ok = false
		case 3:
			return ok
		}
	}
	r.bad = true // more commands than entries
	return false
}

// weightsFirst reads pred_weight_table (7.3.3.2) and tells whether index 0 has weights.
func weightsFirst(r *Reader, refs uint32, colour bool) (first bool) {
	r.UpTo(7)
	if colour {
		r.UpTo(7)
	}
	for i := range refs {
		luma := readWeights(r, 1)
		chroma := colour && readWeights(r, 2)
		if i == 0 {
			first = luma || chroma
		}
	}
	return first
}

// readWeights reads a flag, and a weight and an offset for each of n components if it is set. It returns the flag.
func readWeights(r *Reader, n int) bool {
	if !r.Flag() {
		return false
	}
	for range 2 * n {
		r.Within(-128, 127)
	}
	return true
}

// readMarking reads dec_ref_pic_marking (7.3.3.3).
func (sl *Slice) readMarking(r *Reader) {
	if sl.idr {
		r.Flag() // no_output_of_prior_pics_flag
		sl.SlidingWindow = !r.Flag()
		return
	}
	sl.SlidingWindow = !r.Flag()
	for !sl.SlidingWindow && !r.bad {
		switch r.UpTo(6) {
		case 0:
			return
		case 3:
			r.UE()
			r.UE()
		case 5:
		default:
			r.UE()
		}
	}
}
