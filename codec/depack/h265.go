package depack

// h265Dialect is the dialect of RFC 7798 without decoding order numbers (sprop-max-don-diff=0).
type h265Dialect struct{}

func (h265Dialect) header() int          { return 2 }
func (h265Dialect) kind(nal []byte) byte { return nal[0] >> 1 & 0x3f }
func (h265Dialect) sets() int            { return 3 }

func (h265Dialect) as(kind byte, nal []byte) []byte {
	return []byte{nal[0]&0x81 | kind<<1, nal[1]}
}

func (h265Dialect) payloads() (aggregate, frag byte) { return 48, 49 } // AP, FU

func (h265Dialect) plain(kind byte) bool { return kind < 48 }

func (h265Dialect) fragment(fu byte) byte { return fu & 0x3f }

// describe follows H.265, table 7-1. All random access pictures (16 to 21) have one role. The ID of an SPS follows a
// long structure and is not read: streams use only one.
func (h h265Dialect) describe(nal []byte) nalInfo {
	k := h.kind(nal)
	switch {
	case k >= 16 && k <= 21:
		return nalInfo{role: randomAccess, first: h.firstSlice(nal)}
	case k < 32:
		return nalInfo{role: inter, first: h.firstSlice(nal)}
	case k == 32: // VPS
		return nalInfo{role: paramSet, first: true, kind: 0}
	case k == 33: // SPS
		return nalInfo{role: paramSet, first: true, kind: 1}
	case k == 34: // PPS
		return nalInfo{role: paramSet, first: true, kind: 2, id: setID(nal[2:], 64)}
	case k >= 35 && k <= 38:
		return nalInfo{role: padding, first: k == 35}
	}
	return nalInfo{role: extra, first: k == 39}
}

func (h265Dialect) firstSlice(nal []byte) bool { return len(nal) > 2 && nal[2]&0x80 != 0 }
