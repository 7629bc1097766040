package h264

import (
	"bytes"
	"iter"
)

// Type is the type of a NAL unit (table 7-1).
type Type uint8

// The types of NAL units.
const (
	TypeSlice      Type = 1 // of a picture that is not IDR
	TypePartitionA Type = 2
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

// NALs yields the NAL units of an Annex B stream and the offset of each in it, without start codes and without the
// zeros that follow a NAL unit (trailing_zero_8bits). None is empty; they share memory with annexB.
//
// Bytes in front of the first start code are yielded too, with offset 0, unless all of them are zero. A NAL unit that
// follows a start code has an offset of at least 3. NALs also reads H.265, whose start codes are the same.
func NALs(annexB []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for from := 0; from < len(annexB); {
			end, next := len(annexB), len(annexB)
			if i := bytes.Index(annexB[from:], []byte{0, 0, 1}); i >= 0 {
				end, next = from+i, from+i+3
			}
			for end > from && annexB[end-1] == 0 {
				end--
			}
			if end > from && !yield(from, annexB[from:end:end]) {
				return
			}
			from = next
		}
	}
}
