package h264

// Picture holds the header fields that are equal in all slices of one coded picture (7.4.1.2.4). It also says how the
// picture is marked as a reference. Slices belong to the same picture if their Pictures are equal (==). The zero value
// stands for an unknown picture.
type Picture struct {
	SPS      *SPS
	FrameNum uint32
	// SlidingWindow is set if the picture becomes a short-term reference without memory management commands. In this case,
	// only the sliding window process removes other references (8.2.5.3).
	SlidingWindow bool

	pps   uint32   // ID of the PPS
	idr   bool     // the picture is an IDR picture
	idrID uint32   // idr_pic_id
	order [3]int32 // the values from which the picture order count is computed
}

// Slice is the header of an I or P slice (7.3.3).
type Slice struct {
	Picture
	FirstMacroblock uint32
	CABAC           bool
	CABACInit       uint32 // cabac_init_idc
	QP              int32
	// CopiesPrevious is set for a P slice whose P_Skip macroblocks predict from the previous picture, if the previous
	// picture is a short-term reference. In such a slice, one of two references is at index 0 of list 0: the short-term
	// reference with the highest PicNum, or the one whose PicNum is CurrPicNum - 1. Index 0 has no explicit weights.
	CopiesPrevious bool
}

// Slice types modulo 5 (table 7-6).
const (
	sliceP = 0
	sliceI = 2
)

// ReadSlice reads the header of an I or P slice from r. Before the call, r must be at the start of the RBSP; afterwards, r is
// at the slice data. header is the first byte of the NAL unit. ReadSlice returns false for other slice types, for slices
// whose parameter sets are not stored, and for unreadable headers.
func (s *Sets) ReadSlice(r *Reader, header byte) (sl Slice, ok bool) {
	sl.FirstMacroblock = r.UpTo(maxMacroblocks)
	sliceType := r.UpTo(9) % 5
	sl.pps = r.UpTo(maxPPS - 1)
	p := s.pps[sl.pps]
	idr := Type(header&0x1f) == TypeIDR
	if r.bad || p == nil || sliceType != sliceI && (sliceType != sliceP || idr) {
		return sl, false
	}
	sl.SPS = s.sps[p.sps]
	sl.CABAC = p.cabac
	sl.readNumbers(r, p, idr)
	if sliceType == sliceP {
		sl.readReferences(r, p)
	}
	if header&0x60 != 0 {
		sl.readMarking(r)
	}
	if p.cabac && sliceType == sliceP {
		sl.CABACInit = r.UpTo(2)
	}
	sl.QP = p.qp + r.Within(-127, 127)
	if p.deblockFlags && r.UpTo(2) != 1 {
		r.Within(-6, 6)
		r.Within(-6, 6)
	}
	return sl, !r.bad && sl.QP >= sl.SPS.minQP && sl.QP <= 51
}

// Position reads the first two fields of a slice header. They do not depend on parameter sets. first is true if the slice
// starts at macroblock 0. intra is true for an I slice (types 2 and 7 in table 7-6). A result is false if its field cannot
// be read.
func Position(nal []byte) (first, intra bool) {
	if len(nal) == 0 {
		return false, false
	}
	r := NewReader(nal[1:]) // emulation prevention cannot occur in the first two codes
	first = r.UE() == 0 && !r.bad
	intra = r.UE()%5 == sliceI && !r.bad
	return first, intra
}

// readNumbers reads frame_num, idr_pic_id, and the values from which the picture order count is computed.
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

// maxFrames is the maximum length of list 0 for a frame (7.4.3).
const maxFrames = 16

// readReferences reads the fields of a P slice that change list 0: its length, its order and its weights.
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

// startsWithPrevious reads the fields of ref_pic_list_modification (7.3.3.1) after its flag. It returns true if the first
// command selects the picture whose PicNum is CurrPicNum - 1, and no command selects a long-term picture. refs is the length
// of list 0, and maxDiff the maximum of abs_diff_pic_num_minus1.
func startsWithPrevious(r *Reader, refs, maxDiff uint32) (ok bool) {
	for i := range refs + 1 {
		switch command := r.UpTo(3); command {
		case 0, 1:
			if v := r.UpTo(maxDiff); i == 0 {
				ok = command == 0 && v == 0
			}
		case 2:
			r.UE()
			ok = false
		case 3:
			return ok
		}
	}
	r.bad = true // more commands than reference pictures
	return false
}

// weightsFirst reads pred_weight_table (7.3.3.2) for refs reference pictures. It tells whether index 0 has explicit weights.
// hasChroma says that ChromaArrayType is not 0.
func weightsFirst(r *Reader, refs uint32, hasChroma bool) (first bool) {
	r.UpTo(7)
	if hasChroma {
		r.UpTo(7)
	}
	for i := range refs {
		luma := readWeights(r, 1)
		chroma := hasChroma && readWeights(r, 2)
		if i == 0 {
			first = luma || chroma
		}
	}
	return first
}

// readWeights reads a flag and returns it. If the flag is set, readWeights also reads a weight and an offset for each of n
// components.
func readWeights(r *Reader, n int) bool {
	if !r.Flag() {
		return false
	}
	for range 2 * n {
		r.Within(-128, 127)
	}
	return true
}

// readMarking reads dec_ref_pic_marking (7.3.3.3) and sets SlidingWindow.
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
