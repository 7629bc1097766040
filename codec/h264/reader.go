package h264

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Reader reads the bits of an RBSP (7.2). A Reader becomes bad when it reads past the end, or when a code is too long or out
// of range. Bits past the end read as zero, and so do the codes that a bad Reader reads. A Reader is not safe for concurrent
// use.
type Reader struct {
	data []byte
	at   int  // number of bits read
	bad  bool // see Bad
}

// NewReader returns a reader of rbsp. It does not copy rbsp, which must not change while the reader is used.
func NewReader(rbsp []byte) *Reader { return &Reader{data: rbsp} }

// Bad tells whether a read has failed. Once true, it stays true.
func (r *Reader) Bad() bool { return r.bad }

// Left returns the number of bits that have not been read.
func (r *Reader) Left() int { return 8*len(r.data) - r.at }

// Bit reads one bit.
func (r *Reader) Bit() uint32 {
	if r.at >= 8*len(r.data) {
		r.bad = true
		return 0
	}
	b := r.data[r.at>>3] >> (7 - r.at&7) & 1
	r.at++
	return uint32(b)
}

// Flag reads one bit and tells whether it is set.
func (r *Reader) Flag() bool { return r.Bit() == 1 }

// Bits reads an unsigned number of n bits, 32 at most.
func (r *Reader) Bits(n int) uint32 {
	v := uint32(r.window() >> (64 - n))
	r.skip(n)
	return v
}

// window returns the next bits without reading them. The first of them is the most significant bit of w. At least 57 bits of
// w are valid; bits past the end of the data are zero.
func (r *Reader) window() (w uint64) {
	rest := r.data[r.at>>3:]
	if len(rest) >= 8 {
		return binary.BigEndian.Uint64(rest) << (r.at & 7)
	}
	for i, b := range rest {
		w |= uint64(b) << (56 - 8*i)
	}
	return w << (r.at & 7)
}

// skip moves n bits ahead.
func (r *Reader) skip(n int) {
	if r.at += n; r.at > 8*len(r.data) {
		r.at, r.bad = 8*len(r.data), true
	}
}

// UE reads an unsigned Exp-Golomb code (9.1) of at most 63 bits.
func (r *Reader) UE() uint32 {
	zeros := bits.LeadingZeros64(r.window())
	if zeros > 31 {
		r.bad = true
		return 0
	}
	r.skip(zeros + 1)
	v := 1<<zeros - 1 + r.Bits(zeros)
	if r.bad {
		return 0
	}
	return v
}

// SE reads a signed Exp-Golomb code (9.1.1).
func (r *Reader) SE() int32 {
	k := r.UE()
	if k&1 == 1 {
		return int32(k/2 + 1)
	}
	return -int32(k / 2)
}

// UpTo reads an unsigned Exp-Golomb code. A value above limit makes the Reader bad.
func (r *Reader) UpTo(limit uint32) uint32 {
	v := r.UE()
	if v > limit {
		r.bad = true
		return 0
	}
	return v
}

// Within reads a signed Exp-Golomb code. A value below low or above high makes the Reader bad.
func (r *Reader) Within(low, high int32) int32 {
	v := r.SE()
	if v < low || v > high {
		r.bad = true
		return 0
	}
	return v
}

// Aligned tells whether the next bit is the first of a byte.
func (r *Reader) Aligned() bool { return r.at&7 == 0 }

// TrailingBits tells whether the rest of the data is a stop bit followed only by zeros (7.3.2.11). It must be the last read.
func (r *Reader) TrailingBits() bool {
	if !r.Flag() {
		return false
	}
	for !r.Aligned() {
		if r.Flag() {
			return false
		}
	}
	return !r.bad && len(bytes.Trim(r.data[r.at>>3:], "\x00")) == 0
}

// BehindStopBit tells whether the last bit that was read is the stop bit. The arithmetic decoder of CABAC has read the stop
// bit when a slice ends (9.3.1.2). The stop bit is 1, and the bytes after it are zero. The first of these bytes may have any
// value, because x264 writes a meaningless bit after the stop bit.
func (r *Reader) BehindStopBit() bool {
	if r.at == 0 {
		return false
	}
	r.at--
	return r.Flag() && len(bytes.TrimRight(r.data[(r.at+7)>>3:], "\x00")) <= 1
}
