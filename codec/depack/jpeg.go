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
	errJPEGLength = errors.New("JPEG payload with quantization tables of another size than one or two tables with 64 bytes each")
	errJPEGOffset = errors.New("JPEG payload does not continue the payload before")
	errJPEGImage  = errors.New("JPEG image is incomplete")
)

// jpeg is the parser of JPEG payloads (RFC 2435). It joins the payloads of an image to one payload, without restart markers
// and with its own tables. Then rtpmjpeg writes the headers that RTP leaves out. Every image is a keyframe.
type jpeg struct {
	joined  []byte      // the payload of the open image; empty: none
	data    int         // offset in joined of the image's data
	restart []byte      // the restart interval of the image, in MCUs; nil: none
	tables  [256][]byte // the newest quantization tables with their header, by Q; of 128 to 254 only
}

// starts tells whether the payload has the first bytes of an image: its fragment offset is 0.
func (j *jpeg) starts(payload []byte) bool {
	return len(payload) >= 8 && payload[1]|payload[2]|payload[3] == 0
}

// add appends a payload to the open image.
func (j *jpeg) add(payload []byte) error {
	head, rest, restart, err := cutJPEG(payload)
	if err != nil {
		return err
	}
	if j.starts(payload) {
		j.restart = restart
		return j.begin(head, rest)
	}
	offset := int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	if len(j.joined) == 0 || offset != len(j.joined)-j.data {
		return errJPEGOffset
	}
	j.joined = append(j.joined, rest...)
	return nil
}

// cutJPEG divides a payload into its header without the bit for restart markers, and the rest behind the restart marker header.
// restart is a copy of the restart interval; nil if there is no restart marker header (RFC 2435, 3.1).
func cutJPEG(payload []byte) (head [8]byte, rest, restart []byte, err error) {
	if len(payload) < len(head) {
		return head, nil, nil, errJPEGHeader
	}
	head, rest = [8]byte(payload), payload[8:]
	marked := head[4] >= 64
	head[4] &^= 64
	switch {
	case head[6] == 0 || head[7] == 0:
		return head, nil, nil, errJPEGSize
	case head[4] > 1:
		return head, nil, nil, errJPEGType
	case marked && len(rest) < 4:
		return head, nil, nil, errJPEGHeader
	case marked:
		restart, rest = slices.Clone(rest[:2]), rest[4:]
	}
	return head, rest, restart, nil
}

// begin opens an image with the header and the rest of its first payload.
func (j *jpeg) begin(head [8]byte, rest []byte) error {
	tables, data, err := j.cutTables(head[5], rest)
	if err != nil {
		return err
	}
	j.joined = append(append(j.joined[:0], head[:]...), tables...)
	j.data = len(j.joined)
	j.joined = append(j.joined, data...)
	return nil
}

// cutTables divides the rest of an image's first payload into the quantization tables with their header, and the data. Only a Q
// of 128 or more has tables. For a Q from 128 to 254, a sender may leave out tables that it sent before (RFC 2435, 3.1.8).
func (j *jpeg) cutTables(q byte, rest []byte) (tables, data []byte, err error) {
	if q < 128 {
		return nil, rest, nil
	}
	if len(rest) < 4 {
		return nil, nil, errJPEGHeader
	}
	size := int(binary.BigEndian.Uint16(rest[2:]))
	switch {
	case size == 0 && j.tables[q] == nil:
		return nil, nil, errJPEGTables
	case size == 0:
		return j.tables[q], rest[4:], nil
	case size != 64 && size != 128:
		return nil, nil, errJPEGLength
	case 4+size > len(rest):
		return nil, nil, errJPEGHeader
	}
	tables, data = rest[:4+size], rest[4+size:]
	if q < 255 {
		j.tables[q] = slices.Clone(tables)
	}
	return tables, data, nil
}

// finish closes the image and returns it. A restart interval gets its segment (DRI) behind the start of the image.
func (j *jpeg) finish() ([]byte, bool, error) {
	if len(j.joined) == 0 {
		return nil, false, nil
	}
	defer j.reset()
	image, err := new(rtpmjpeg.Decoder).Decode(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: j.joined})
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

// reset discards the open image. It keeps the quantization tables.
func (j *jpeg) reset() { j.joined, j.data, j.restart = j.joined[:0], 0, nil }
