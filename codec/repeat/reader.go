package repeat

import "bytes"

// reader reads the bits of an RBSP (7.2). What is read behind the end, and codes that are too long, are zero and
// make it bad.
type reader struct {
	data []byte
	at   int // bits read
	bad  bool
}

func (r *reader) bit() uint32 {
	if r.at >= 8*len(r.data) {
		r.bad = true
		return 0
	}
	b := r.data[r.at>>3] >> (7 - r.at&7) & 1
	r.at++
	return uint32(b)
}

func (r *reader) flag() bool { return r.bit() == 1 }

func (r *reader) bits(n int) (v uint32) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// ue reads an unsigned Exp-Golomb code of at most 63 bits (9.1).
func (r *reader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; r.bad || zeros > 31 {
			r.bad = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// se reads a signed one (9.1.1).
func (r *reader) se() int32 {
	k := r.ue()
	if k&1 == 1 {
		return int32(k/2 + 1)
	}
	return -int32(k / 2)
}

// within reads a signed code that may not be outside of least to most.
func (r *reader) within(least, most int32) int32 {
	v := r.se()
	if v < least || v > most {
		r.bad = true
		return 0
	}
	return v
}

// upTo reads an unsigned code that may not be larger than most.
func (r *reader) upTo(most uint32) uint32 {
	v := r.ue()
	if v > most {
		r.bad = true
		return 0
	}
	return v
}

// trailing tells whether what is left is a stop bit and zeros (7.3.2.11).
func (r *reader) trailing() bool {
	if !r.flag() {
		return false
	}
	for r.at&7 != 0 {
		if r.flag() {
			return false
		}
	}
	return !r.bad && len(bytes.Trim(r.data[r.at>>3:], "\x00")) == 0
}

// ended tells whether the bit before is a stop bit with at most a byte behind it that is not zero: the arithmetic
// decoder has read the stop bit when the slice ends (9.3.1.2), and x264 leaves a bit that means nothing behind it.
func (r *reader) ended() bool {
	r.at--
	return r.flag() && len(bytes.TrimRight(r.data[(r.at+7)>>3:], "\x00")) <= 1
}
