package pack

import (
	"encoding/binary"

	"azulejo/codec/h264"
	"azulejo/mixer"
)

// NAL unit types that exist only in RTP (RFC 6184, 5.2).
const (
	stapA = 24
	fuA   = 28
)

// h264Packer collects the boundaries of the payloads of one access unit.
type h264Packer struct {
	data []byte
	out  []mixer.Boundary
	sets []mixer.Boundary // consecutive parameter sets that are not in out yet
}

// cutH264 cuts an access unit of H.264 (RFC 6184, packetization-mode 1). Consecutive parameter sets form one STAP-A if they
// fit into one payload. NAL units that are longer than a payload are fragmented. Every other NAL unit forms a payload of its
// own. Access unit delimiters, filler, and bytes in front of the first start code are left out.
func cutH264(data []byte) []mixer.Boundary {
	c := h264Packer{data: data, out: make([]mixer.Boundary, 0, 2+len(data)/(Size-2))}
	for offset, nal := range h264.NALs(data) {
		if offset == 0 {
			continue
		}
		b := mixer.Boundary{From: offset, To: offset + len(nal)}
		switch h264.TypeOf(nal) {
		case h264.TypeAUD, h264.TypeFiller:
		case h264.TypeSPS, h264.TypePPS:
			c.sets = append(c.sets, b)
		default:
			c.flushSets()
			c.addNAL(b)
		}
	}
	c.flushSets()
	if len(c.out) == 0 {
		return nil
	}
	return c.out
}

// flushSets empties c.sets, and adds the boundary of one STAP-A with all its parameter sets. If there is only one parameter
// set, or if the parameter sets together do not fit into one payload, flushSets adds each of them separately.
func (c *h264Packer) flushSets() {
	sets := c.sets
	c.sets = c.sets[:0]
	size, nri := 1, byte(0)
	for _, s := range sets {
		size += 2 + s.To - s.From
		nri = max(nri, c.data[s.From]&0x60)
	}
	if len(sets) >= 2 && size <= Size {
		c.out = append(c.out, mixer.Boundary{
			Prefix: [3]byte{nri | stapA}, PrefixLen: 1, From: sets[0].From, To: sets[len(sets)-1].To,
		})
		return
	}
	for _, s := range sets {
		c.addNAL(s)
	}
}

// addNAL adds the boundaries of one NAL unit. A NAL unit that fits into one payload forms this payload. A longer NAL unit is
// divided into FU-A of about the same length (RFC 6184, 5.8).
func (c *h264Packer) addNAL(nal mixer.Boundary) {
	if nal.To-nal.From <= Size {
		c.out = append(c.out, nal)
		return
	}
	header, body := c.data[nal.From], nal.From+1
	length := nal.To - body
	n := (length + Size - 3) / (Size - 2)
	first := len(c.out)
	for i := range n {
		c.out = append(c.out, mixer.Boundary{
			Prefix: [3]byte{header&0xe0 | fuA, header & 0x1f}, PrefixLen: 2, From: body + i*length/n, To: body + (i+1)*length/n,
		})
	}
	c.out[first].Prefix[1] |= 0x80        // start
	c.out[len(c.out)-1].Prefix[1] |= 0x40 // end
}

// isAggregate tells whether b describes a STAP-A. b must have a prefix. The type bits of other prefixes never have the value
// of STAP-A: an FU-A has type 28, and in a VP8 payload descriptor the bit of value 8 is reserved and zero (RFC 7741, 4.2).
func isAggregate(b mixer.Boundary) bool { return b.Prefix[0]&0x1f == stapA }

// aggregate makes a STAP-A (RFC 6184, 5.7.1) of the parameter sets in annexB. header is its first byte. In front of each
// parameter set, a length of 2 bytes replaces the start code. A start code has at least 3 bytes, so the STAP-A is not longer
// than 3+len(annexB) bytes.
func aggregate(header byte, annexB []byte) []byte {
	out := append(make([]byte, 0, 3+len(annexB)), header)
	for _, nal := range h264.NALs(annexB) {
		if t := h264.TypeOf(nal); t == h264.TypeSPS || t == h264.TypePPS {
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(nal))), nal...)
		}
	}
	return out
}
