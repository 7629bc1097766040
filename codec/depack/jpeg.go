package depack

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/pion/rtp"
)

var (
	errJPEGHeader = errors.New("JPEG payload ends within its headers")
	errJPEGType   = errors.New("JPEG payload of a type that RFC 2435 does not define")
	errJPEGTables = errors.New("JPEG payload without its quantization tables")
	errJPEGSize   = errors.New("JPEG payload with a width or height of 0; accepted are 8 to 2040 pixels")
	errJPEGImage  = errors.New("JPEG image is incomplete")
)

// jpeg is the parser of JPEG payloads (RFC 2435). It hands payloads without restart markers and with their own tables to
// rtpmjpeg, which writes the headers that RTP leaves out. Every image is a keyframe.
type jpeg struct {
	decoder rtpmjpeg.Decoder
	pending []byte      // the last payload, which is decoded when it is known whether it ends the image; nil: none
	restart []byte      // the restart interval of the image, in MCUs; nil: none
	tables  [256][]byte // the newest quantization tables with their header, by Q; of 128 to 254 only
}

// starts tells whether the payload has the first bytes of an image: its fragment offset is 0.
func (j *jpeg) starts(payload []byte) bool {
	return len(payload) >= 8 && payload[1]|payload[2]|payload[3] == 0
}

// add appends a payload to the open image.
func (j *jpeg) add(payload []byte) error {
	p, err := j.normalize(payload)
	if err != nil {
		return err
	}
	if j.pending != nil {
		if _, err := j.decode(false); err != nil {
			return err
		}
	}
	j.pending = p
	return nil
}

// decode passes the pending payload to the decoder. It returns the image if last is true.
func (j *jpeg) decode(last bool) ([]byte, error) {
	p := rtp.Packet{Header: rtp.Header{Marker: last}, Payload: j.pending}
	j.pending = nil
	image, err := j.decoder.Decode(&p)
	if errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded) {
		return nil, nil
	}
	return image, err
}

// normalize returns a copy of a payload without restart marker header, and with quantization tables where they were sent
// before (RFC 2435, 3.1).
func (j *jpeg) normalize(payload []byte) ([]byte, error) {
	if len(payload) < 8 {
		return nil, errJPEGHeader
	}
	head, rest := slices.Clone(payload[:8]), payload[8:]
	if head[6] == 0 || head[7] == 0 {
		return nil, errJPEGSize
	}
	restarts := head[4] >= 64
	if head[4] &^= 64; head[4] > 1 {
		return nil, errJPEGType
	}
	if restarts {
		if len(rest) < 4 {
			return nil, errJPEGHeader
		}
		j.restart, rest = slices.Clone(rest[:2]), rest[4:]
	}
	if j.starts(payload) {
		if !restarts {
			j.restart = nil
		}
		return j.withTables(head, rest)
	}
	return append(head, rest...), nil
}

// withTables joins the header and the rest of an image's first payload. For a Q from 128 to 254, a sender may leave out
// tables that it sent before.
func (j *jpeg) withTables(head, rest []byte) ([]byte, error) {
	q := head[5]
	if q < 128 {
		return append(head, rest...), nil
	}
	if len(rest) < 4 {
		return nil, errJPEGHeader
	}
	end := 4 + int(binary.BigEndian.Uint16(rest[2:]))
	switch {
	case end > len(rest):
		return nil, errJPEGHeader
	case end > 4 && q < 255:
		j.tables[q] = slices.Clone(rest[:end])
	case end == 4 && j.tables[q] == nil:
		return nil, errJPEGTables
	case end == 4:
		return append(append(head, j.tables[q]...), rest[4:]...), nil
	}
	return append(head, rest...), nil
}

// finish closes the image and returns it. A restart interval gets its segment (DRI) behind the start of the image.
func (j *jpeg) finish() ([]byte, bool, error) {
	if j.pending == nil {
		return nil, false, nil
	}
	image, err := j.decode(true)
	if err != nil {
		return nil, false, err
	}
	if len(image) < 2 {
		return nil, false, errJPEGImage
	}
	if j.restart != nil {
		image = slices.Insert(image, 2, 0xff, 0xdd, 0, 4, j.restart[0], j.restart[1])
	}
	return image, true, nil
}

// reset discards the open image. The next one starts at the fragment offset 0, which makes the decoder forget this one.
func (j *jpeg) reset() { j.pending = nil }
