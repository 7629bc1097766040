package depack

import (
	"encoding/binary"
	"errors"
	"iter"
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
	for obu, err := range av1Elements(payload) {
		if err != nil {
			return false
		}
		switch obuType(obu) {
		case obuSequenceHeader, obuTemporalDelimiter, obuFrameHeader, obuFrame:
			return true
		}
		return false
	}
	return false
}

func obuType(obu []byte) byte { return obu[0] >> 3 & 15 }

// av1Elements yields the OBUs and fragments of a payload, none of them empty. They share memory with payload. An error is
// the last element. The first octet of payload, the aggregation header, has the bits Z and Y, which say that the first and
// the last element are fragments, and their number W. All elements have a length in front; if W is not zero, the last one
// has none.
func av1Elements(payload []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		count, rest := int(payload[0]>>4&3), payload[1:]
		for i := 1; len(rest) > 0; i++ {
			element := rest
			if i != count {
				size, width := binary.Uvarint(rest)
				if width <= 0 || size > uint64(len(rest)-width) {
					yield(nil, errAV1Size)
					return
				}
				element = rest[width:][:size]
				rest = rest[width:]
			}
			if len(element) > 0 && !yield(element, nil) {
				return
			}
			rest = rest[len(element):]
		}
	}
}

// add appends the OBUs of a payload to the open temporal unit. The last one may be a fragment.
func (a *av1) add(payload []byte) error {
	continued, open := payload[0]&0x80 != 0, payload[0]&0x40 != 0
	if continued != (len(a.fragment) > 0) {
		return errAV1Fragment
	}
	begun := false // an element of payload is in a.fragment
	for element, err := range av1Elements(payload) {
		if err == nil && begun {
			err = a.endOBU()
		}
		if err != nil {
			return err
		}
		a.fragment, begun = append(a.fragment, element...), true
	}
	if begun && !open {
		return a.endOBU()
	}
	return nil
}

// endOBU appends the OBU whose last fragment has arrived.
func (a *av1) endOBU() error {
	err := a.addOBU(a.fragment)
	a.fragment = a.fragment[:0]
	return err
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
