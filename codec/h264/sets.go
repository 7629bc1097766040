package h264

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Limits of the values that are accepted.
const (
	maxSet         = 4096      // bytes of a parameter set; real ones have tens of bytes
	maxMacroblocks = 36864 * 4 // of a picture: more than MaxFS of level 6.2 (table A-1)
	maxRefs        = 32        // reference pictures in a list of a PPS (7.4.2.2)
	maxSPS         = 32        // number of IDs of SPS (7.4.2.1.1)
	maxPPS         = 256       // number of IDs of PPS (7.4.2.2)
)

// SPS holds the values of a sequence parameter set that are needed to read slice headers. Two pictures use the same SPS if
// and only if their SPS pointers are equal.
type SPS struct {
	raw             []byte // the NAL unit
	macroblocks     uint32 // number of macroblocks in a picture
	frameNumBits    int    // length of frame_num in bits
	orderType       uint32 // pic_order_cnt_type
	orderBits       int    // length of pic_order_cnt_lsb in bits
	orderAlwaysZero bool   // delta_pic_order_always_zero_flag
	chroma          bool   // ChromaArrayType is not 0
	minQP           int32  // smallest QP at the SPS's bit depth
}

// Macroblocks returns the number of macroblocks in a picture.
func (s *SPS) Macroblocks() uint32 { return s.macroblocks }

// NextFrameNum returns the frame_num that follows n. frame_num wraps around.
func (s *SPS) NextFrameNum(n uint32) uint32 { return (n + 1) & (1<<s.frameNumBits - 1) }

// pps holds the values of a picture parameter set that are needed to read slice headers.
type pps struct {
	sps          uint32 // ID of its SPS
	cabac        bool
	orderDeltas  bool   // bottom_field_pic_order_in_frame_present_flag
	refs         uint32 // default number of reference pictures in list 0
	weighted     bool   // weighted_pred_flag
	qp           int32  // initial QP of slices
	deblockFlags bool   // deblocking_filter_control_present_flag
}

// Sets stores the parameter sets of one stream by ID. ReadSlice needs them. Sets does not store parameter sets with features
// that ReadSlice does not support: fields and MBAFF, separate colour planes, no reference frames, slice groups, redundant
// pictures, more than 14 bits per sample. The zero value is ready. Sets is not safe for concurrent use.
type Sets struct {
	sps  map[uint32]*SPS
	pps  map[uint32]*pps
	rbsp []byte // scratch memory for AddPPS
}

// reset removes all parameter sets.
func (s *Sets) reset() { s.sps, s.pps = nil, nil }

// AddSPS stores an SPS. If nal differs from the stored SPS with the same ID, AddSPS removes the stored SPS and all PPS that
// refer to it. If nal cannot be read, AddSPS removes all parameter sets, because the ID is unknown.
func (s *Sets) AddSPS(nal []byte) {
	var full h264.SPS
	if len(nal) > maxSet || full.Unmarshal(nal) != nil || full.ID >= maxSPS {
		s.reset()
		return
	}
	if old := s.sps[full.ID]; old != nil && bytes.Equal(old.raw, nal) {
		return
	}
	if s.sps == nil {
		s.sps, s.pps = map[uint32]*SPS{}, map[uint32]*pps{}
	}
	delete(s.sps, full.ID)
	for id, p := range s.pps {
		if p.sps == full.ID {
			delete(s.pps, id)
		}
	}
	if sps := newSPS(&full); sps != nil {
		sps.raw = bytes.Clone(nal)
		s.sps[full.ID] = sps
	}
}

// newSPS copies the needed values of full. It returns nil if the SPS has features that are not supported.
func newSPS(full *h264.SPS) *SPS {
	w, h := uint64(full.PicWidthInMbsMinus1)+1, uint64(full.PicHeightInMapUnitsMinus1)+1
	switch {
	case !full.FrameMbsOnlyFlag, full.SeparateColourPlaneFlag, full.ChromaFormatIdc > 3, full.MaxNumRefFrames == 0,
		w > maxMacroblocks, h > maxMacroblocks, w*h > maxMacroblocks,
		full.Log2MaxFrameNumMinus4 > 12, full.Log2MaxPicOrderCntLsbMinus4 > 12, full.BitDepthLumaMinus8 > 6:
		return nil
	}
	return &SPS{
		macroblocks: uint32(w * h), frameNumBits: int(full.Log2MaxFrameNumMinus4) + 4, orderType: full.PicOrderCntType,
		orderBits: int(full.Log2MaxPicOrderCntLsbMinus4) + 4, orderAlwaysZero: full.DeltaPicOrderAlwaysZeroFlag,
		chroma: full.ChromaFormatIdc != 0, minQP: -6 * int32(full.BitDepthLumaMinus8),
	}
}

// AddPPS stores a PPS (7.3.2.2), and replaces the stored PPS with the same ID. If only the ID can be read, or if the SPS of
// the PPS is not stored, AddPPS removes the stored PPS and stores none. If the ID cannot be read, AddPPS removes all
// parameter sets.
func (s *Sets) AddPPS(nal []byte) {
	s.rbsp = AppendRBSP(s.rbsp[:0], nal)
	r := NewReader(s.rbsp)
	id := r.UpTo(maxPPS - 1)
	if r.bad || len(s.rbsp) > maxSet {
		s.reset()
		return
	}
	delete(s.pps, id)
	if p := newPPS(r); p != nil && s.sps[p.sps] != nil {
		s.pps[id] = p
	}
}

// newPPS reads the fields of a PPS after its ID, as far as they are needed to read slice headers. It returns nil if the PPS
// is unreadable or has features that are not supported.
func newPPS(r *Reader) *pps {
	var p pps
	p.sps = r.UpTo(maxSPS - 1)
	p.cabac = r.Flag()
	p.orderDeltas = r.Flag()
	groups := r.UE()
	p.refs = r.UpTo(maxRefs-1) + 1
	r.UpTo(maxRefs - 1) // default number of reference pictures in list 1
	p.weighted = r.Flag()
	r.Bits(2) // weighted_bipred_idc
	p.qp = 26 + r.Within(-62, 25)
	r.Within(-26, 25) // initial QP of SP and SI slices
	r.Within(-12, 12) // chroma_qp_index_offset
	p.deblockFlags = r.Flag()
	r.Flag() // constrained_intra_pred_flag
	redundant := r.Flag()
	if r.bad || groups != 0 || redundant {
		return nil
	}
	return &p
}
