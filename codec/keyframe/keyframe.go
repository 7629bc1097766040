// Package keyframe reads the frame size and the profile of a stream from a keyframe, without decoding it. The mixer and the
// bench call it. The package has no state and is safe for concurrent use.
package keyframe

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	syntax264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	syntax265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"azulejo/codec/h264"
	"azulejo/mixer"
)

// Info holds the properties of a stream that are read from a keyframe.
type Info struct {
	Width, Height int   // in pixels
	Profile       uint8 // profile_idc of H.264; zero for other codecs
	Fields        bool  // H.264 whose frames may be interlaced: frame_mbs_only_flag is zero
}

// Read reads the Info from a keyframe of a video codec. It returns false for audio codecs, and for packets without a readable
// header: an SPS of H.264 or H.265, a keyframe header of VP8 or VP9, a sequence header of AV1, or a frame header of JPEG.
func Read(p mixer.Packet) (Info, bool) {
	switch p.Codec {
	case mixer.H264:
		return readH264(p.Data)
	case mixer.H265:
		return readH265(p.Data)
	case mixer.VP8:
		return readVP8(p.Data)
	case mixer.VP9:
		return readVP9(p.Data)
	case mixer.AV1:
		return readAV1(p.Data)
	case mixer.MJPEG:
		return readJPEG(p.Data)
	}
	return Info{}, false
}

func readH264(data []byte) (Info, bool) {
	nal := find(data, func(header byte) bool { return h264.Type(header&0x1f) == h264.TypeSPS })
	var sps syntax264.SPS
	if nal == nil || sps.Unmarshal(nal) != nil {
		return Info{}, false
	}
	return Info{Width: sps.Width(), Height: sps.Height(), Profile: sps.ProfileIdc, Fields: !sps.FrameMbsOnlyFlag}, true
}

func readH265(data []byte) (Info, bool) {
	nal := find(data, func(header byte) bool { return syntax265.NALUType(header>>1&0x3f) == syntax265.NALUType_SPS_NUT })
	var sps syntax265.SPS
	if nal == nil || sps.Unmarshal(nal) != nil {
		return Info{}, false
	}
	return Info{Width: sps.Width(), Height: sps.Height()}, true
}

// readVP8 reads the frame header of a VP8 keyframe (RFC 6386, 9.1).
func readVP8(data []byte) (Info, bool) {
	if len(data) < 10 || data[0]&1 != 0 || data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a {
		return Info{}, false
	}
	w, h := binary.LittleEndian.Uint16(data[6:]), binary.LittleEndian.Uint16(data[8:])
	return Info{Width: int(w & 0x3fff), Height: int(h & 0x3fff)}, true
}

// readVP9 reads the uncompressed header of a VP9 keyframe (VP9 bitstream specification, 6.2).
func readVP9(data []byte) (Info, bool) {
	var header vp9.Header
	if header.Unmarshal(data) != nil || header.FrameSize == nil {
		return Info{}, false
	}
	return Info{Width: header.Width(), Height: header.Height()}, true
}

// readAV1 reads the first sequence header among the OBUs of data (AV1 specification, 5.5). Each OBU must have its size.
func readAV1(data []byte) (Info, bool) {
	for {
		var header av1.OBUHeader
		if header.Unmarshal(data) != nil || !header.HasSize {
			return Info{}, false
		}
		var size av1.LEB128
		n, err := size.Unmarshal(data[1:])
		end := 1 + n + int(size)
		if err != nil || end > len(data) {
			return Info{}, false
		}
		if header.Type == av1.OBUTypeSequenceHeader {
			var sequence av1.SequenceHeader
			if sequence.Unmarshal(data[:end]) != nil {
				return Info{}, false
			}
			return Info{Width: sequence.Width(), Height: sequence.Height()}, true
		}
		data = data[end:]
	}
}

// readJPEG reads the first frame header of a JPEG image (ITU-T T.81, B.2.2).
func readJPEG(data []byte) (Info, bool) {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xd8 { // SOI
		return Info{}, false
	}
	data = data[2:]
	for len(data) >= 9 && data[0] == 0xff {
		if marker := data[1]; marker == 0xc0 || marker == 0xc1 || marker == 0xc2 { // SOF0, SOF1, SOF2
			size := Info{Width: int(binary.BigEndian.Uint16(data[7:])), Height: int(binary.BigEndian.Uint16(data[5:]))}
			if size.Width == 0 || size.Height == 0 { // a height of zero: a DNL segment after the scan has the height
				break
			}
			return size, true
		}
		end := 2 + int(binary.BigEndian.Uint16(data[2:]))
		if end > len(data) {
			break
		}
		data = data[end:]
	}
	return Info{}, false
}

// find returns the first NAL unit that wanted accepts; nil if there is none. wanted gets the first byte of a NAL unit. find
// ignores bytes in front of the first start code.
func find(annexB []byte, wanted func(header byte) bool) []byte {
	for offset, nal := range h264.NALs(annexB) {
		if offset > 0 && wanted(nal[0]) {
			return nal
		}
	}
	return nil
}
