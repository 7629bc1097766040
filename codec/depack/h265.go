package depack

import "azulejo/codec/h264"

// h265Format is the RTP payload format of H.265 (RFC 7798). It supports no decoding order numbers: sprop-max-don-diff must
// be 0.
type h265Format struct{}

func (h265Format) headerLen() int         { return 2 }
func (h265Format) typeOf(nal []byte) byte { return nal[0] >> 1 & 0x3f }
func (h265Format) setKinds() int          { return 3 }

func (h265Format) headerAs(nalType byte, nal []byte) []byte {
	return []byte{nal[0]&0x81 | nalType<<1, nal[1]}
}

func (h265Format) rtpTypes() (aggregate, fragment byte) { return 48, 49 } // AP, FU

func (h265Format) isCodecType(nalType byte) bool { return nalType < 48 }

func (h265Format) fragmentedType(fuHeader byte) byte { return fuHeader & 0x3f }

// describe returns the role of a NAL unit by its type (H.265, table 7-1). Clause 7.4.2.4.4 lists the types that may start an
// access unit. All IRAP pictures (types 16 to 21) have the same
// role. The IDs of VPS and SPS are not read and count as 0, because streams use one VPS and one SPS. (The ID of an SPS
// follows a long structure.)
func (h h265Format) describe(nal []byte) nalInfo {
	k := h.typeOf(nal)
	switch {
	case k >= 16 && k <= 21:
		return nalInfo{role: randomAccess, first: h.firstSlice(nal)}
	case k < 32:
		return nalInfo{role: inter, first: h.firstSlice(nal)}
	case k == 32: // VPS
		return nalInfo{role: paramSet, first: true, setKind: 0}
	case k == 33: // SPS
		return nalInfo{role: paramSet, first: true, setKind: 1}
	case k == 34: // PPS
		return nalInfo{role: paramSet, first: true, setKind: 2, setID: readSetID(nal[2:], 64)}
	case k >= 35 && k <= 38:
		return nalInfo{role: padding, first: k == 35}
	case k == 39: // SEI in front of a picture
		return nalInfo{role: extra, first: true, recovery: recovery265(nal)}
	}
	return nalInfo{role: extra, first: k >= 41 && k <= 44}
}

// recovery265 reads the recovery point in the SEI NAL unit nal (H.265, D.2.8). Its count is a distance in output order. It
// is negative if pictures that are output before the message's picture are exact, too.
func recovery265(nal []byte) recovery {
	fields, ok := h264.RecoveryPoint(h264.AppendRBSP(nil, nal[1:]))
	frames := fields.Within(-1<<15, 1<<15-1) // recovery_poc_cnt
	return recovery{known: ok && !fields.Bad(), frames: max(int(frames), 0)}
}

// firstSlice tells whether the slice nal is the first of its picture (first_slice_segment_in_pic_flag).
func (h265Format) firstSlice(nal []byte) bool { return len(nal) > 2 && nal[2]&0x80 != 0 }
