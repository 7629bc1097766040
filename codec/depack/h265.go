package depack

// h265 is the dialect of RFC 7798 without decoding order numbers (sprop-max-don-diff=0).
type h265 struct{}

func (h265) header() int          { return 2 }
func (h265) kind(nal []byte) byte { return nal[0] >> 1 & 0x3f }
func (h265) sets() int            { return 3 }

func (h265) as(kind byte, nal []byte) []byte {
	return []byte{nal[0]&0x81 | kind<<1, nal[1]}
}

func (h265) payloads() (aggregate, frag byte) { return 48, 49 } // AP, FU

func (h265) plain(kind byte) bool { return kind < 48 }

func (h265) fragment(fu byte) byte { return fu & 0x3f }

// describe follows H.265, table 7-1. All random access pictures (16 to 21) count as instant; of an
// SPS the id is deep inside, and only one is ever in use.
func (h h265) describe(nal []byte) nalInfo {
	k := h.kind(nal)
	switch {
	case k >= 16 && k <= 21:
		return nalInfo{role: instant, first: h.firstSlice(nal)}
	case k < 32:
		return nalInfo{role: inter, first: h.firstSlice(nal)}
	case k == 32:
		return nalInfo{role: paramSet, first: true, set: 0}
	case k == 33:
		return nalInfo{role: paramSet, first: true, set: 1}
	case k == 34:
		id, _, _ := golomb(nal, 16)
		return nalInfo{role: paramSet, first: true, set: 2, id: id & 63}
	case k >= 35 && k <= 38:
		return nalInfo{role: padding, first: k == 35}
	}
	return nalInfo{role: extra, first: k == 39}
}

func (h265) firstSlice(nal []byte) bool { return len(nal) > 2 && nal[2]&0x80 != 0 }
