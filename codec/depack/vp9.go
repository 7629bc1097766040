package depack

import (
	"errors"
	"slices"

	"github.com/pion/rtp/codecs"
)

var (
	errVP9Start   = errors.New("VP9 frame does not begin with the start of a frame")
	errVP9Restart = errors.New("VP9 frame begins within a frame")
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

// starts tells whether the payload starts a frame of the lowest layer (bit B, and a spatial layer of 0).
func (v *vp9) starts(payload []byte) bool {
	var p codecs.VP9Packet
	_, err := p.Unmarshal(payload)
	return err == nil && p.B && p.SID == 0
}

// add appends a payload to the open frame.
func (v *vp9) add(payload []byte) error {
	var p codecs.VP9Packet
	if _, err := p.Unmarshal(payload); err != nil {
		return err
	}
	switch {
	case p.SID > 0:
		return nil
	case len(p.Payload) == 0:
		return errVP9Short
	case len(v.buf) == 0 && !p.B:
		return errVP9Start
	case len(v.buf) > 0 && p.B:
		return errVP9Restart
	}
	v.buf = append(v.buf, p.Payload...)
	v.ended = p.E
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
