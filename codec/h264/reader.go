package h264

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Reader reads the bits of an RBSP (7.2). It becomes bad when it reads behind the end, and when a code is too long or
// out of its range. Bits behind the end are zero; codes that a bad reader reads are zero. Not safe for concurrent use.
type Reader struct {
	data []byte
	at   int // bits read
	bad  bool
}

// NewReader returns a reader of rbsp, which it shares.
func NewReader(rbsp []byte) *Reader { return &Reader{data: rbsp} }

// Bad tells whether something could not be read. It stays so.
func (r *Reader) Bad() bool { return r.bad }

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

// Bits reads a number of n bits, of 32 at most.
func (r *Reader) Bits(n int) uint32 {
	v := uint32(r.window() >> (64 - n))
	r.skip(n)
	return v
}

// window returns at least the next 57 bits, from the most significant on. Zeros follow the end.
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

// UpTo reads an unsigned code that must not exceed most.
func (r *Reader) UpTo(most uint32) uint32 {
	v := r.UE()
	if v > most {
		r.bad = true
		return 0
	}
	return v
}

// Within reads a signed code that must lie between least and most.
func (r *Reader) Within(least, most int32) int32 {
	v := r.SE()
	if v < least || v > most {
		r.bad = true
		return 0
	}
	return v
}

// Aligned tells whether the next bit is the first of a byte.
func (r *Reader) Aligned() bool { return r.at&7 == 0 }

// TrailingBits tells whether a stop bit and zeros are all that is left (7.3.2.11).
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

// BehindStopBit tells whether the last bit that was read is the stop bit, with at most one byte behind it that is not
// zero. The arithmetic decoder reads the stop bit when a slice ends (9.3.1.2); x264 writes a bit without meaning behind
// it.
func (r *Reader) BehindStopBit() bool {
	if r.at == 0 {
		return false
	}
	r.at--
	return r.Flag() && len(bytes.TrimRight(r.data[(r.at+7)>>3:], "\x00")) <= 1
}
