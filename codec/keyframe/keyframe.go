// Package keyframe reads the frame size and the profile of a stream from a keyframe, without decoding it. The mixer and the
// bench call it. The package has no state and is safe for concurrent use.
package keyframe

import (
	"encoding/binary"

	syntaxAV1 "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	syntax264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	syntax265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	syntaxVP9 "github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"azulejo/codec/h264"
	"azulejo/mixer"
)

// Info holds the properties of a stream that are read from a keyframe.
type Info struct {
	Width, Height int   // in pixels
	Profile       uint8 // profile_idc of H.264; zero for other codecs
}

// Read reads the Info from a keyframe of H264, H265, VP8, VP9, AV1 or MJPEG. It returns false for audio, and for packets
// whose SPS, sequence header or frame header is missing or not readable.
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
	return Info{Width: sps.Width(), Height: sps.Height(), Profile: sps.ProfileIdc}, true
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

func readVP9(data []byte) (Info, bool) {
	var head syntaxVP9.Header
	if head.Unmarshal(data) != nil || head.FrameSize == nil {
		return Info{}, false
	}
	return Info{Width: head.Width(), Height: head.Height()}, true
}

// readAV1 reads the first sequence header of a temporal unit.
func readAV1(data []byte) (Info, bool) {
	var obus syntaxAV1.Bitstream
	if len(data) == 0 || obus.Unmarshal(data) != nil {
		return Info{}, false
	}
	for _, obu := range obus {
		if syntaxAV1.OBUType(obu[0]>>3&15) != syntaxAV1.OBUTypeSequenceHeader {
			continue
		}
		var head syntaxAV1.SequenceHeader
		if head.Unmarshal(obu) != nil {
			return Info{}, false
		}
		return Info{Width: head.Width(), Height: head.Height()}, true
	}
	return Info{}, false
}

// readJPEG reads the first frame header (SOF) of an image. It skips the segments in front of it (ITU-T T.81, B.1.1.4).
func readJPEG(data []byte) (Info, bool) {
	for at := 2; at+9 <= len(data) && data[at] == 0xff; at += 2 + int(binary.BigEndian.Uint16(data[at+2:])) {
		if kind := data[at+1]; kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc {
			h, w := binary.BigEndian.Uint16(data[at+5:]), binary.BigEndian.Uint16(data[at+7:])
			return Info{Width: int(w), Height: int(h)}, true
		}
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
