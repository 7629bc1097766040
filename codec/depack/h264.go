package depack

import "azulejo/codec/h264"

// h264Format is the RTP payload format of H.264 (RFC 6184).
type h264Format struct{}

func (h264Format) headerLen() int         { return 1 }
func (h264Format) typeOf(nal []byte) byte { return byte(h264.TypeOf(nal)) }
func (h264Format) setKinds() int          { return 2 }

func (h264Format) headerAs(nalType byte, nal []byte) []byte { return []byte{nal[0]&0xe0 | nalType} }

func (h264Format) rtpTypes() (aggregate, fragment byte) { return 24, 28 } // STAP-A, FU-A

func (h264Format) isCodecType(nalType byte) bool { return nalType >= 1 && nalType <= 23 }

func (h264Format) fragmentedType(fuHeader byte) byte { return fuHeader & 0x1f }

// describe returns the role of a NAL unit by its type (H.264, table 7-1). Clause 7.4.1.2.3 lists the types that may start an
// access unit.
func (h264Format) describe(nal []byte) nalInfo {
	switch t := h264.TypeOf(nal); t {
	case h264.TypeSlice:
		first, isIntra := h264.Position(nal)
		if isIntra {
			return nalInfo{role: intra, first: first}
		}
		return nalInfo{role: inter, first: first}
	case h264.TypePartitionA, h264.TypePartitionB, h264.TypePartitionC:
		return nalInfo{role: inter, first: t == h264.TypePartitionA}
	case h264.TypeIDR:
		first, _ := h264.Position(nal)
		return nalInfo{role: randomAccess, first: first}
	case h264.TypeSPS: // the header and 3 octets of profile and level precede the ID
		return nalInfo{role: paramSet, first: true, setKind: 0, setID: readSetID(nal[min(4, len(nal)):], 32)}
	case h264.TypePPS:
		return nalInfo{role: paramSet, first: true, setKind: 1, setID: readSetID(nal[1:], 256)}
	case h264.TypeAUD, h264.TypeEndSeq, h264.TypeEndStream, h264.TypeFiller:
		return nalInfo{role: padding, first: t == h264.TypeAUD}
	case h264.TypeSEI:
		return nalInfo{role: extra, first: true, recovery: recovery264(nal)}
	default:
		return nalInfo{role: extra, first: t >= 14 && t <= 18}
	}
}

// recovery264 reads the recovery point in the SEI NAL unit nal (D.1.8). A count of 65536 or more is not valid, because
// frame_num has 16 bits at most.
func recovery264(nal []byte) recovery {
	fields, ok := h264.RecoveryPoint(h264.AppendRBSP(nil, nal))
	frames := fields.UpTo(1<<16 - 1) // recovery_frame_cnt
	return recovery{known: ok && !fields.Bad(), frames: int(frames)}
}
