package depack

import (
	"errors"
	"slices"

	"azulejo/codec/h264"
)

var (
	errVP9Start   = errors.New("VP9 frame does not begin with the start of a frame")
	errVP9Restart = errors.New("VP9 frame begins within a frame")
	errVP9Refs    = errors.New("VP9 descriptor with more than 3 reference indices")
	errVP9Short   = errors.New("VP9 payload ends within its descriptor")
	errVP9End     = errors.New("VP9 frame without its end")
	errVP9Marker  = errors.New("VP9 frame without its frame marker")
)

// vp9 is the parser of VP9 payloads (RFC 9628). Of a picture with several spatial layers it takes the lowest one, which can
// be decoded without the others.
type vp9 struct {
	buf   []byte // the open frame
	ended bool   // the last payload of the lowest layer was appended
}

// vp9Payload is a payload without its descriptor.
type vp9Payload struct {
	first, last bool   // data is the start, or the end, of a frame (bits B and E)
	layer       uint32 // spatial layer (SID)
	data        []byte // shares memory with the payload
}

// readVP9 reads the descriptor of a payload (RFC 9628, 4.2). It allocates no memory, however long the descriptor is.
func readVP9(payload []byte) (p vp9Payload, err error) {
	r := h264.NewReader(payload)
	hasID, predicted, hasLayer, flexible := r.Flag(), r.Flag(), r.Flag(), r.Flag()
	p.first, p.last = r.Flag(), r.Flag()
	hasStructure := r.Flag()
	r.Flag() // Z
	if hasID && r.Flag() {
		r.Bits(15)
	} else if hasID {
		r.Bits(7)
	}
	if hasLayer {
		r.Bits(4) // temporal layer, switching up point
		p.layer = r.Bits(3)
		r.Flag() // inter-layer dependency
		if !flexible {
			r.Bits(8) // TL0PICIDX
		}
	}
	for n, more := 0, flexible && predicted; more; n++ {
		if n == 3 {
			return p, errVP9Refs
		}
		r.Bits(7) // P_DIFF
		more = r.Flag()
	}
	if hasStructure {
		skipVP9Structure(r)
	}
	if r.Bad() {
		return p, errVP9Short
	}
	p.data = payload[len(payload)-r.Left()/8:]
	return p, nil
}

// skipVP9Structure reads the scalability structure: the sizes of the spatial layers, and the pictures of a picture group.
func skipVP9Structure(r *h264.Reader) {
	layers := r.Bits(3) + 1
	hasSizes, hasGroup := r.Flag(), r.Flag()
	r.Bits(3)
	for range layers {
		if hasSizes {
			r.Bits(32)
		}
	}
	if !hasGroup {
		return
	}
	for range r.Bits(8) {
		r.Bits(4) // temporal layer, switching up point
		references := r.Bits(2)
		r.Bits(2)
		for range references {
			r.Bits(8)
		}
	}
}

// starts tells whether the payload starts a frame of the lowest layer.
func (v *vp9) starts(payload []byte) bool {
	p, err := readVP9(payload)
	return err == nil && p.first && p.layer == 0
}

// add appends a payload to the open frame.
func (v *vp9) add(payload []byte) error {
	p, err := readVP9(payload)
	if err != nil {
		return err
	}
	switch {
	case p.layer > 0:
		return nil
	case len(p.data) == 0:
		return errVP9Short
	case len(v.buf) == 0 && !p.first:
		return errVP9Start
	case len(v.buf) > 0 && p.first:
		return errVP9Restart
	}
	v.buf = append(v.buf, p.data...)
	v.ended = p.last
	return nil
}

// finish closes the frame and returns it.
func (v *vp9) finish() ([]byte, bool, error) {
	if len(v.buf) == 0 {
		return nil, false, nil
	}
	if !v.ended {
		return nil, false, errVP9End
	}
	key, err := vp9Key(v.buf[0])
	if err != nil {
		return nil, false, err
	}
	data := slices.Clone(v.buf)
	v.reset()
	return data, key, nil
}

// vp9Key tells from the first byte of a frame whether the frame is a keyframe: neither show_existing_frame nor frame_type is
// set. In profile 3 a reserved bit precedes them (VP9 bitstream specification, 6.2).
func vp9Key(b byte) (bool, error) {
	if b>>6 != 2 {
		return false, errVP9Marker
	}
	if b&0x30 == 0x30 {
		return b&6 == 0, nil
	}
	return b&12 == 0, nil
}

// reset discards the open frame.
func (v *vp9) reset() { v.buf, v.ended = v.buf[:0], false }
