package repeat

import (
	"bytes"
	"iter"
)

// NAL unit types (table 7-1).
const (
	nalSlice  = 1
	nalIDR    = 5
	nalSEI    = 6
	nalSPS    = 7
	nalPPS    = 8
	nalAUD    = 9
	nalFiller = 12
)

var startCode = []byte{0, 0, 1}

// nals are the NAL units of Annex B, without the zeros behind them; none is empty. What stands in front of the first
// start code is one too if it is not just zeros: its type tells that something is wrong, or nothing is.
func nals(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			nal, rest, _ := bytes.Cut(data, startCode)
			for len(nal) > 0 && nal[len(nal)-1] == 0 {
				nal = nal[:len(nal)-1]
			}
			if len(nal) > 0 && !yield(nal) {
				return
			}
			data = rest
		}
	}
}

// IDR tells whether an access unit in Annex B is an IDR picture: nothing behind it refers to what came before.
func IDR(accessUnit []byte) bool {
	for nal := range nals(accessUnit) {
		if kind := nal[0] & 0x1f; kind >= nalSlice && kind <= nalIDR {
			return kind == nalIDR
		}
	}
	return false
}

// payload appends the RBSP of a NAL unit without its header to buf: emulation prevention is undone (7.4.1).
func payload(buf, nal []byte) []byte {
	zeros := 0
	for _, b := range nal[1:] {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		if b != 0 {
			zeros = -1
		}
		zeros++
		buf = append(buf, b)
	}
	return buf
}

// filmGrain is the type of a message (SEI) that has decoders add noise to what they show (D.1).
const filmGrain = 19

// grainy tells whether the messages of an SEI (7.3.2.3) say so.
func grainy(rbsp []byte) bool {
	for len(rbsp) > 1 {
		var kind, size int
		kind, rbsp = extended(rbsp)
		size, rbsp = extended(rbsp)
		if kind == filmGrain {
			return true
		}
		rbsp = rbsp[min(size, len(rbsp)):]
	}
	return false
}

// extended reads a number as messages have it: bytes of 255 are added to the one that follows.
func extended(b []byte) (n int, rest []byte) {
	for len(b) > 0 && b[0] == 255 {
		n, b = n+255, b[1:]
	}
	if len(b) == 0 {
		return n, nil
	}
	return n + int(b[0]), b[1:]
}
