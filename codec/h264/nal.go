package h264

import (
	"bytes"
	"iter"
)

// Type is the type of a NAL unit (table 7-1).
type Type uint8

// The types of NAL units.
const (
	TypeSlice      Type = 1 // slice of a picture that is not IDR
	TypePartitionA Type = 2
	TypePartitionB Type = 3
	TypePartitionC Type = 4
	TypeIDR        Type = 5 // slice of an IDR picture
	TypeSEI        Type = 6
	TypeSPS        Type = 7
	TypePPS        Type = 8
	TypeAUD        Type = 9 // access unit delimiter
	TypeEndSeq     Type = 10
	TypeEndStream  Type = 11
	TypeFiller     Type = 12
)

// TypeOf reads the type of a NAL unit, which must not be empty.
func TypeOf(nal []byte) Type { return Type(nal[0] & 0x1f) }

// NALs yields the NAL units of an Annex B stream, each with its offset in annexB. It leaves out start codes, the zeros after
// a NAL unit (trailing_zero_8bits), and empty NAL units. The NAL units share memory with annexB.
//
// NALs also yields the bytes in front of the first start code, with offset 0, unless all of them are zero. A NAL unit that
// follows a start code has an offset of at least 3. NALs can also read H.265, because it has the same start codes.
func NALs(annexB []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for start := 0; start < len(annexB); {
			end, next := len(annexB), len(annexB)
			if i := bytes.Index(annexB[start:], []byte{0, 0, 1}); i >= 0 {
				end, next = start+i, start+i+3
			}
			for end > start && annexB[end-1] == 0 {
				end--
			}
			if end > start && !yield(start, annexB[start:end:end]) {
				return
			}
			start = next
		}
	}
}

// AppendNAL appends a start code of 4 bytes and a NAL unit to an Annex B stream.
func AppendNAL(annexB, nal []byte) []byte {
	return append(append(annexB, 0, 0, 0, 1), nal...)
}

// StartCodeLen is the length in bytes of the start codes that AppendNAL writes.
const StartCodeLen = 4

// IsIDR tells whether an access unit in Annex B is an IDR picture. Pictures after an IDR picture do not refer to pictures
// before it. IsIDR looks at the type of the first slice only.
func IsIDR(accessUnit []byte) bool {
	for _, nal := range NALs(accessUnit) {
		if t := TypeOf(nal); t >= TypeSlice && t <= TypeIDR {
			return t == TypeIDR
		}
	}
	return false
}

// AppendRBSP appends the RBSP of a NAL unit to dst, and returns the result. The RBSP consists of the bytes after the header,
// which has 1 byte, without the emulation prevention bytes (7.4.1). AppendRBSP appends at most len(nal)-1 bytes.
func AppendRBSP(dst, nal []byte) []byte {
	if len(nal) == 0 {
		return dst
	}
	rest := nal[1:]
	for {
		i := bytes.Index(rest, []byte{0, 0, 3})
		if i < 0 {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:i+2]...)
		rest = rest[i+3:]
	}
}
