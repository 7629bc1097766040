package repeat

import "azulejo/codec/h264"

// skipped reads the data of a P slice (7.3.4). It returns the number of macroblocks in the slice if all of them are P_Skip.
// It returns 0 if any macroblock is not P_Skip, or if the number exceeds limit.
func skipped(r *h264.Reader, sl *h264.Slice, limit uint32) uint32 {
	if sl.CABAC {
		return skippedCABAC(r, sl, limit)
	}
	run := r.UE() // mb_skip_run
	if run > limit || !r.TrailingBits() {
		return 0
	}
	return run
}

// skippedCABAC does the work of skipped for CABAC. It decodes mb_skip_flag and end_of_slice_flag until the slice ends or a
// macroblock is not skipped. mb_skip_flag has the contexts 11 to 13. Only context 11 is needed here: a higher context is
// used only if a neighbour is available and not skipped (9.3.3.1.1.1).
func skippedCABAC(r *h264.Reader, sl *h264.Slice, limit uint32) uint32 {
	for !r.Aligned() {
		if !r.Flag() { // cabac_alignment_one_bit
			return 0
		}
	}
	a := arithmetic{r: r, span: 510, offset: r.Bits(9)}
	skip := newContext(skipInit[sl.CABACInit], sl.QP)
	for n := uint32(1); n <= limit && !r.Bad(); n++ {
		if skip == settled {
			n += a.skipPairs(limit - n)
		}
		if !a.decode(&skip) {
			return 0
		}
		if a.terminate() {
			if r.Bad() || !r.BehindStopBit() {
				return 0
			}
			return n
		}
	}
	return 0
}

// maxSkipped returns the maximum length in bytes of a NAL unit whose n macroblocks are all skipped. Only the header of a
// longer NAL unit is read.
//
// Once the context has settled, a skipped macroblock takes at most log2(256/(256-6)) + log2(250/(250-2)) < 0.047 bits.
// Emulation prevention adds at most half of this. So n macroblocks take at most n/112 bytes. The other 128 bytes are for the
// slice header, and for the first macroblocks. Until the context has settled, a flag takes up to 6.5 bits for fewer than ten
// macroblocks, and less than one bit for sixty more (9.3.3.2). Slices with a longer header are not recognized as skipped.
func maxSkipped(n uint32) int { return 128 + int(n)/112 }

// skipInit holds the initial values m and n of context 11 for each cabac_init_idc (table 9-13).
var skipInit = [3][2]int32{{23, 33}, {22, 25}, {29, 16}}

// context is a CABAC context variable.
type context struct {
	state uint8 // pStateIdx
	mps   bool  // valMPS
}

// settled is the final value of the context: after many skipped macroblocks, it does not change any more.
var settled = context{state: 62, mps: true}

// newContext returns the initial context of a slice (9.3.1.1). mn holds the values m and n, and qp is the slice's QP.
func newContext(mn [2]int32, qp int32) context {
	pre := mn[0]*min(max(qp, 0), 51)>>4 + mn[1]
	pre = min(max(pre, 1), 126)
	if pre <= 63 {
		return context{state: uint8(63 - pre)}
	}
	return context{state: uint8(pre - 64), mps: true}
}

// arithmetic is CABAC's arithmetic decoder (9.3.1.2).
type arithmetic struct {
	r            *h264.Reader
	span, offset uint32 // codIRange and codIOffset
}

// decode decodes one flag with the context c (9.3.3.2.1).
func (a *arithmetic) decode(c *context) bool {
	lps := uint32(rangeLPS[c.state][a.span>>6&3])
	a.span -= lps
	value := c.mps
	if a.offset >= a.span {
		a.offset -= a.span
		a.span = lps
		value = !value
		if c.state == 0 {
			c.mps = !c.mps
		}
		c.state = nextLPS[c.state]
	} else if c.state < 62 {
		c.state++
	}
	a.renormalize()
	return value
}

// skipPairs decodes up to n pairs of mb_skip_flag 1 and end_of_slice_flag 0, and returns their number. It stops before a
// pair with other values, and before a pair that needs another bit of the data. The caller must decode this pair with decode
// and terminate. The context must be settled; it does not change. Almost all macroblocks of a repeat are such pairs.
// skipPairs takes 4 ns for each pair; decode and terminate together take 10 ns.
func (a *arithmetic) skipPairs(n uint32) (pairs uint32) {
	span, lps := a.span, rangeLPS[settled.state]
	for ; pairs < n; pairs++ {
		next := span - uint32(lps[span>>6&3]) - 2
		if next < 256 || a.offset >= next {
			break
		}
		span = next
	}
	a.span = span
	return pairs
}

// terminate decodes end_of_slice_flag (9.3.3.2.2.3). It returns true at the end of the slice.
func (a *arithmetic) terminate() bool {
	a.span -= 2
	if a.offset >= a.span {
		return true
	}
	a.renormalize()
	return false
}

// renormalize reads bits until span is at least 256 (9.3.3.2.2).
func (a *arithmetic) renormalize() {
	for a.span < 256 {
		a.span <<= 1
		a.offset = a.offset<<1 | a.r.Bit()
	}
}

// nextLPS is transIdxLPS (table 9-45).
var nextLPS = [64]uint8{
	0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12, 13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
	24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33, 33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
}

// rangeLPS is rangeTabLPS (table 9-44).
var rangeLPS = [64][4]uint8{
	{128, 176, 208, 240},
	{128, 167, 197, 227},
	{128, 158, 187, 216},
	{123, 150, 178, 205},
	{116, 142, 169, 195},
	{111, 135, 160, 185},
	{105, 128, 152, 175},
	{100, 122, 144, 166},
	{95, 116, 137, 158},
	{90, 110, 130, 150},
	{85, 104, 123, 142},
	{81, 99, 117, 135},
	{77, 94, 111, 128},
	{73, 89, 105, 122},
	{69, 85, 100, 116},
	{66, 80, 95, 110},
	{62, 76, 90, 104},
	{59, 72, 86, 99},
	{56, 69, 81, 94},
	{53, 65, 77, 89},
	{51, 62, 73, 85},
	{48, 59, 69, 80},
	{46, 56, 66, 76},
	{43, 53, 63, 72},
	{41, 50, 59, 69},
	{39, 48, 56, 65},
	{37, 45, 54, 62},
	{35, 43, 51, 59},
	{33, 41, 48, 56},
	{32, 39, 46, 53},
	{30, 37, 43, 50},
	{29, 35, 41, 48},
	{27, 33, 39, 45},
	{26, 31, 37, 43},
	{24, 30, 35, 41},
	{23, 28, 33, 39},
	{22, 27, 32, 37},
	{21, 26, 30, 35},
	{20, 24, 29, 33},
	{19, 23, 27, 31},
	{18, 22, 26, 30},
	{17, 21, 25, 28},
	{16, 20, 23, 27},
	{15, 19, 22, 25},
	{14, 18, 21, 24},
	{14, 17, 20, 23},
	{13, 16, 19, 22},
	{12, 15, 18, 21},
	{12, 14, 17, 20},
	{11, 14, 16, 19},
	{11, 13, 15, 18},
	{10, 12, 15, 17},
	{10, 12, 14, 16},
	{9, 11, 13, 15},
	{9, 11, 12, 14},
	{8, 10, 12, 14},
	{8, 9, 11, 13},
	{7, 9, 11, 12},
	{7, 9, 10, 12},
	{7, 8, 10, 11},
	{6, 8, 9, 11},
	{6, 7, 9, 10},
	{6, 7, 8, 9},
	{2, 2, 2, 2},
}
