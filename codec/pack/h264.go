package pack

import (
	"bytes"
	"encoding/binary"
)

// NAL unit types (H.264, table 7-1) and those that RTP adds (RFC 6184, 5.2).
const (
	sps       = 7
	pps       = 8
	delimiter = 9
	filler    = 12
	stapA     = 24
	fuA       = 28
)

// h264 follows RFC 6184 in packetization-mode 1: parameter sets travel together in one STAP-A where they fit,
// long NAL units in fragments, the others alone. Delimiters and filler stay behind.
func h264(data []byte) [][]byte {
	var out, sets [][]byte
	flush := func() {
		out, sets = append(out, aggregate(sets)...), nil
	}
	for nal := range nals(data) {
		switch kind := nal[0] & 0x1f; kind {
		case delimiter, filler:
		case sps, pps:
			sets = append(sets, nal)
		default:
			flush()
			out = append(out, split(nal)...)
		}
	}
	flush()
	return out
}

// aggregate puts NAL units into one STAP-A (RFC 6184, 5.7.1), or sends each for itself if they are alone or too long.
func aggregate(all [][]byte) [][]byte {
	size, nri := 1, byte(0)
	for _, nal := range all {
		size += 2 + len(nal)
		nri = max(nri, nal[0]&0x60)
	}
	if len(all) < 2 || size > Size {
		var out [][]byte
		for _, nal := range all {
			out = append(out, split(nal)...)
		}
		return out
	}
	b := append(make([]byte, 0, size), nri|stapA)
	for _, nal := range all {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(nal))), nal...)
	}
	return [][]byte{b}
}

// split cuts a NAL unit into FU-A (RFC 6184, 5.8) of about the same length, or leaves a short one as it is.
func split(nal []byte) [][]byte {
	if len(nal) <= Size {
		return [][]byte{nal}
	}
	indicator, kind, body := nal[0]&0xe0|fuA, nal[0]&0x1f, nal[1:]
	n := (len(body) + Size - 3) / (Size - 2)
	out := make([][]byte, n)
	for i := range out {
		part := body[i*len(body)/n : (i+1)*len(body)/n]
		b := append(make([]byte, 0, 2+len(part)), indicator, kind)
		out[i] = append(b, part...)
	}
	out[0][1] |= 0x80
	out[n-1][1] |= 0x40
	return out
}

// nals yields the NAL units of Annex B, none of them empty; what stands before the first start code is left out.
func nals(data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		_, rest, found := bytes.Cut(data, startCode)
		for found {
			var nal []byte
			nal, rest, found = bytes.Cut(rest, startCode)
			// Zeros at the end belong to the next start code: a NAL unit ends otherwise (7.4.1).
			if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}

var startCode = []byte{0, 0, 1} // a constant
