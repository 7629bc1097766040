package repeat

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Limits of what is looked at.
const (
	maxSet    = 4096      // bytes of a parameter set; real ones have tens
	maxBlocks = 36864 * 4 // macroblocks of a picture: more than the MaxFS of level 6.2 (table A-1)
	maxRefs   = 32        // entries of a list in a PPS (7.4.2.2)
	sequences = 32        // parameter sets of a kind that may exist (7.4.2.1.1, 7.4.2.2)
	pictures  = 256
)

// sequence is what matters of an SPS. Those of two pictures are the same if they are one in memory.
type sequence struct {
	raw          []byte
	blocks       uint32 // macroblocks of a picture
	frameNumBits int
	order        uint32 // pic_order_cnt_type
	orderBits    int    // of pic_order_cnt_lsb
	orderPlain   bool   // delta_pic_order_always_zero_flag
	colour       bool   // ChromaArrayType is not 0
	leastQP      int32
}

// following is the frame_num after n.
func (s *sequence) following(n uint32) uint32 { return (n + 1) & (1<<s.frameNumBits - 1) }

// pictureSet is what matters of a PPS.
type pictureSet struct {
	seq          uint32
	cabac        bool
	orderDeltas  bool // bottom_field_pic_order_in_frame_present_flag
	refs         uint32
	weighted     bool
	qp           int32
	deblockFlags bool // deblocking_filter_control_present_flag
}

// sets are the parameter sets that came and can be used, by number.
type sets struct {
	seqs map[uint32]*sequence
	pics map[uint32]*pictureSet
}

// learnSequence takes an SPS, or forgets everything if it cannot be read. One that is not the same as before ends the
// picture sets that refer to it.
func (s *sets) learnSequence(nal []byte) {
	var sps h264.SPS
	if len(nal) > maxSet || sps.Unmarshal(nal) != nil || sps.ID >= sequences {
		*s = sets{}
		return
	}
	if old := s.seqs[sps.ID]; old != nil && bytes.Equal(old.raw, nal) {
		return
	}
	if s.seqs == nil {
		s.seqs, s.pics = map[uint32]*sequence{}, map[uint32]*pictureSet{}
	}
	delete(s.seqs, sps.ID)
	for id, p := range s.pics {
		if p.seq == sps.ID {
			delete(s.pics, id)
		}
	}
	if seq := newSequence(&sps); seq != nil {
		seq.raw = bytes.Clone(nal)
		s.seqs[sps.ID] = seq
	}
}

// newSequence returns nil for what cannot be used.
func newSequence(sps *h264.SPS) *sequence {
	w, h := uint64(sps.PicWidthInMbsMinus1)+1, uint64(sps.PicHeightInMapUnitsMinus1)+1
	switch {
	case !sps.FrameMbsOnlyFlag, sps.SeparateColourPlaneFlag, sps.ChromaFormatIdc > 3, sps.MaxNumRefFrames == 0,
		w > maxBlocks, h > maxBlocks, w*h > maxBlocks, sps.Log2MaxFrameNumMinus4 > 12, sps.Log2MaxPicOrderCntLsbMinus4 > 12, sps.BitDepthLumaMinus8 > 6:
		return nil
	}
	return &sequence{
		blocks: uint32(w * h), frameNumBits: int(sps.Log2MaxFrameNumMinus4) + 4, order: sps.PicOrderCntType,
		orderBits: int(sps.Log2MaxPicOrderCntLsbMinus4) + 4, orderPlain: sps.DeltaPicOrderAlwaysZeroFlag,
		colour: sps.ChromaFormatIdc != 0, leastQP: -6 * int32(sps.BitDepthLumaMinus8),
	}
}

// learnPicture takes the RBSP of a PPS (7.3.2.2) up to where it matters.
func (s *sets) learnPicture(rbsp []byte) {
	r := reader{data: rbsp}
	id := r.upTo(pictures - 1)
	if r.bad || len(rbsp) > maxSet {
		*s = sets{}
		return
	}
	delete(s.pics, id)
	if p := newPictureSet(&r); p != nil && s.seqs[p.seq] != nil {
		s.pics[id] = p
	}
}

// newPictureSet returns nil for what cannot be used.
func newPictureSet(r *reader) *pictureSet {
	var p pictureSet
	p.seq = r.upTo(sequences - 1)
	p.cabac = r.flag()
	p.orderDeltas = r.flag()
	groups := r.ue()
	p.refs = r.upTo(maxRefs-1) + 1
	r.upTo(maxRefs - 1) // of list 1
	p.weighted = r.flag()
	r.bits(2) // weighted_bipred_idc
	p.qp = 26 + r.within(-62, 25)
	r.within(-26, 25) // of SP and SI
	r.within(-12, 12) // chroma
	p.deblockFlags = r.flag()
	r.flag() // constrained_intra_pred_flag
	redundant := r.flag()
	if r.bad || groups != 0 || redundant {
		return nil
	}
	return &p
}
