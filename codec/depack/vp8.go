package depack

import (
	"bytes"
	"errors"
	"slices"
)

var (
	errVP8Short     = errors.New("VP8 payload ends within its descriptor")
	errVP8Start     = errors.New("VP8 frame does not begin with the start of its first partition")
	errVP8Restart   = errors.New("VP8 frame begins within a frame")
	errVP8Partition = errors.New("VP8 partition comes before one that was begun")
	errVP8Key       = errors.New("VP8 key frame without its start code")
)

// vp8 is the parser of VP8 payloads (RFC 7741).
type vp8 struct {
	buf       []byte // the open frame
	partition byte   // index of the partition in the last payload
}

// starts tells whether the payload starts a frame: its S bit is set and its partition index is 0.
func (v *vp8) starts(payload []byte) bool { return payload[0]&0x17 == 0x10 }

// add appends a payload to the open frame.
func (v *vp8) add(payload []byte) error {
	first, partition := v.starts(payload), payload[0]&7
	body, err := vp8Body(payload)
	switch {
	case err != nil:
		return err
	case len(v.buf) == 0 && !first:
		return errVP8Start
	case len(v.buf) > 0 && first:
		return errVP8Restart
	case partition < v.partition:
		return errVP8Partition
	}
	v.buf = append(v.buf, body...)
	v.partition = partition
	return nil
}

// vp8Body returns the bytes of p that follow the payload descriptor (RFC 7741, 4.2). The descriptor has one octet. If the X
// bit of this octet is set, a second octet follows. Each of the bits I, L, T and K in the second octet announces a further
// field; T and K share one field.
func vp8Body(p []byte) ([]byte, error) {
	n := 1
	if p[0]&0x80 != 0 {
		if len(p) < 3 {
			return nil, errVP8Short
		}
		flags := p[1]
		n = 2
		if flags&0x80 != 0 {
			n += 1 + int(p[2]>>7) // the picture ID has 7 or 15 bits
		}
		if flags&0x40 != 0 {
			n++
		}
		if flags&0x30 != 0 {
			n++
		}
	}
	if n >= len(p) {
		return nil, errVP8Short
	}
	return p[n:], nil
}

// finish closes the frame and returns it. The frame header says whether the frame is a keyframe (RFC 6386, 9.1).
func (v *vp8) finish() ([]byte, bool, error) {
	if len(v.buf) == 0 {
		return nil, false, nil
	}
	key := v.buf[0]&1 == 0
	if key && (len(v.buf) < 10 || !bytes.Equal(v.buf[3:6], []byte{0x9d, 0x01, 0x2a})) {
		return nil, false, errVP8Key
	}
	data := slices.Clone(v.buf)
	v.reset()
	return data, key, nil
}

// reset discards the open frame.
func (v *vp8) reset() { v.buf, v.partition = v.buf[:0], 0 }
