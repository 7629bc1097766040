package depack

// h264 is the dialect of RFC 6184.
type h264 struct{}

func (h264) header() int          { return 1 }
func (h264) kind(nal []byte) byte { return nal[0] & 0x1f }
func (h264) sets() int            { return 2 }

func (h264) as(kind byte, nal []byte) []byte { return []byte{nal[0]&0xe0 | kind} }

func (h264) payloads() (aggregate, frag byte) { return 24, 28 } // STAP-A, FU-A

func (h264) plain(kind byte) bool { return kind >= 1 && kind <= 23 }

func (h264) fragment(fu byte) byte { return fu & 0x1f }

// describe follows H.264, table 7-1 and 7.4.1.2.3 (what may come first in an access unit).
func (h h264) describe(nal []byte) nalInfo {
	switch k := h.kind(nal); k {
	case 1:
		return h.slice(nal)
	case 2, 3, 4:
		return nalInfo{role: inter, first: k == 2}
	case 5:
		return nalInfo{role: instant, first: h.slice(nal).first}
	case 7:
		id, _, _ := golomb(nal, 8*4)
		return nalInfo{role: paramSet, first: true, set: 0, id: id & 31}
	case 8:
		id, _, _ := golomb(nal, 8)
		return nalInfo{role: paramSet, first: true, set: 1, id: id & 255}
	case 9, 10, 11, 12:
		return nalInfo{role: padding, first: k == 9}
	}
	return nalInfo{role: extra, first: h.kind(nal) == 6}
}

// slice reads first_mb_in_slice and slice_type; 2 and 7 are I.
func (h264) slice(nal []byte) nalInfo {
	mb, next, ok := golomb(nal, 8)
	kind, _, sure := golomb(nal, next)
	info := nalInfo{role: inter, first: ok && mb == 0}
	if sure && kind%5 == 2 {
		info.role = intra
	}
	return info
}
