package depack

import "azulejo/codec/h264"

// h264Dialect is the dialect of RFC 6184.
type h264Dialect struct{}

func (h264Dialect) header() int          { return 1 }
func (h264Dialect) kind(nal []byte) byte { return byte(h264.TypeOf(nal)) }
func (h264Dialect) sets() int            { return 2 }

func (h264Dialect) as(kind byte, nal []byte) []byte { return []byte{nal[0]&0xe0 | kind} }

func (h264Dialect) payloads() (aggregate, frag byte) { return 24, 28 } // STAP-A, FU-A

func (h264Dialect) plain(kind byte) bool { return kind >= 1 && kind <= 23 }

func (h264Dialect) fragment(fu byte) byte { return fu & 0x1f }

// describe follows H.264, table 7-1, and 7.4.1.2.3 for what may come first in an access unit.
func (h264Dialect) describe(nal []byte) nalInfo {
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
	case h264.TypeSPS: // 3 octets of profile and level precede the ID
		return nalInfo{role: paramSet, first: true, kind: 0, id: setID(nal[min(4, len(nal)):], 32)}
	case h264.TypePPS:
		return nalInfo{role: paramSet, first: true, kind: 1, id: setID(nal[1:], 256)}
	case h264.TypeAUD, h264.TypeEndSeq, h264.TypeEndStream, h264.TypeFiller:
		return nalInfo{role: padding, first: t == h264.TypeAUD}
	default:
		return nalInfo{role: extra, first: t == h264.TypeSEI}
	}
}
