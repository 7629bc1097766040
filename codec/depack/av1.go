package depack

import (
	"encoding/binary"
	"errors"
	"slices"
)

var (
	errAV1Size     = errors.New("AV1 payload ends within an OBU")
	errAV1Fragment = errors.New("AV1 fragment out of its place")
	errAV1Open     = errors.New("AV1 temporal unit without the last fragment of an OBU")
	errAV1Header   = errors.New("AV1 OBU with its forbidden bit set")
)

// Types of OBUs (AV1 specification, 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
	obuTileList          = 8
)

// av1 is the parser of AV1 payloads (RTP Payload Format For AV1, 1.0). It converts them to the low-overhead format, in which
// every OBU has its size.
type av1 struct {
	buf      []byte // the open temporal unit
	fragment []byte // the OBU whose fragments are arriving; empty: none
	sequence bool   // the temporal unit has a sequence header
	frames   int    // frame headers in the temporal unit
	key      bool   // the first frame is a keyframe
}

// starts tells whether a temporal unit can start with the payload: its first OBU is no fragment and no tile group.
func (a *av1) starts(payload []byte) bool {
	if payload[0]&0x80 != 0 {
		return false
	}
	obus, _ := av1Elements(payload)
	if len(obus) == 0 {
		return false
	}
	switch obuType(obus[0]) {
	case obuSequenceHeader, obuTemporalDelimiter, obuFrameHeader, obuFrame:
		return true
	}
	return false
}

func obuType(obu []byte) byte { return obu[0] >> 3 & 15 }

// av1Elements returns the OBUs and fragments of a payload, none of them empty. The first octet, the aggregation header, has
// the bits Z and Y, which say that the first and the last element are fragments, and their number W. All elements have a
// length in front; if W is not zero, the last one has none.
func av1Elements(payload []byte) (elements [][]byte, err error) {
	count, b := int(payload[0]>>4&3), payload[1:]
	for i := 1; len(b) > 0; i++ {
		size := uint64(len(b))
		if i != count {
			n := 0
			if size, n = binary.Uvarint(b); n <= 0 {
				return nil, errAV1Size
			}
			b = b[n:]
		}
		if size > uint64(len(b)) {
			return nil, errAV1Size
		}
		if size > 0 {
			elements = append(elements, b[:size])
		}
		b = b[size:]
	}
	return elements, nil
}

// add appends the OBUs of a payload to the open temporal unit.
func (a *av1) add(payload []byte) error {
	elements, err := av1Elements(payload)
	if err != nil {
		return err
	}
	continued, open := payload[0]&0x80 != 0, payload[0]&0x40 != 0
	if continued != (len(a.fragment) > 0) {
		return errAV1Fragment
	}
	for i, element := range elements {
		a.fragment = append(a.fragment, element...)
		if i == len(elements)-1 && open {
			return nil
		}
		if err := a.addOBU(a.fragment); err != nil {
			return err
		}
		a.fragment = a.fragment[:0]
	}
	return nil
}

// addOBU appends a complete OBU, with its size. It leaves out temporal delimiters and tile lists, as a receiver should.
func (a *av1) addOBU(obu []byte) error {
	head, body, err := splitOBU(obu)
	if err != nil {
		return err
	}
	switch obuType(obu) {
	case obuTemporalDelimiter, obuTileList:
		return nil
	case obuSequenceHeader:
		a.sequence = true
	case obuFrameHeader, obuFrame:
		if a.frames++; a.frames == 1 {
			a.key = len(body) > 0 && body[0]&0xe0 == 0 // show_existing_frame and frame_type
		}
	}
	a.buf = append(append(a.buf, head[0]|2), head[1:]...)
	a.buf = append(binary.AppendUvarint(a.buf, uint64(len(body))), body...)
	return nil
}

// splitOBU returns the header of an OBU without its size, and the bytes that follow (AV1 specification, 5.3).
func splitOBU(obu []byte) (head, body []byte, err error) {
	if obu[0]&0x80 != 0 {
		return nil, nil, errAV1Header
	}
	n := 1 + int(obu[0]>>2&1)
	if n > len(obu) {
		return nil, nil, errAV1Size
	}
	head, body = obu[:n], obu[n:]
	if obu[0]&2 == 0 {
		return head, body, nil
	}
	size, width := binary.Uvarint(body)
	if width <= 0 || size > uint64(len(body)-width) {
		return nil, nil, errAV1Size
	}
	return head, body[width:][:size], nil
}

// finish closes the temporal unit and returns it. Decoding can start at a keyframe with a sequence header.
func (a *av1) finish() ([]byte, bool, error) {
	if len(a.fragment) > 0 {
		return nil, false, errAV1Open
	}
	defer a.reset()
	if a.frames == 0 {
		return nil, false, nil
	}
	return slices.Clone(a.buf), a.sequence && a.key, nil
}

// reset discards the open temporal unit.
func (a *av1) reset() { *a = av1{buf: a.buf[:0], fragment: a.fragment[:0]} }
