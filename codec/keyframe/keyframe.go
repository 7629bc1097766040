// Package keyframe reads what a keyframe tells of its stream.
package keyframe

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"azulejo/mixer"
)

// Info is what a key packet says about its stream before anything is decoded.
type Info struct {
	Width, Height int
	Profile       uint8 // profile_idc of H.264, else zero
}

// Read looks into a key packet of H264, H265 or VP8; false for others and for what does not say.
func Read(p mixer.Packet) (Info, bool) {
	switch p.Codec {
	case mixer.H264:
		return h264Info(p.Data)
	case mixer.H265:
		return h265Info(p.Data)
	case mixer.VP8:
		return vp8Info(p.Data)
	}
	return Info{}, false
}

func h264Info(data []byte) (Info, bool) {
	nal := findNAL(data, func(header byte) bool { return h264.NALUType(header&0x1f) == h264.NALUTypeSPS })
	var sps h264.SPS
	if nal == nil || sps.Unmarshal(nal) != nil {
		return Info{}, false
	}
	return Info{Width: sps.Width(), Height: sps.Height(), Profile: sps.ProfileIdc}, true
}

func h265Info(data []byte) (Info, bool) {
	nal := findNAL(data, func(header byte) bool { return h265.NALUType(header>>1&0x3f) == h265.NALUType_SPS_NUT })
	var sps h265.SPS
	if nal == nil || sps.Unmarshal(nal) != nil {
		return Info{}, false
	}
	return Info{Width: sps.Width(), Height: sps.Height()}, true
}

// vp8Info reads the frame header of RFC 6386 §9.1.
func vp8Info(data []byte) (Info, bool) {
	if len(data) < 10 || data[0]&1 != 0 || data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a {
		return Info{}, false
	}
	w, h := binary.LittleEndian.Uint16(data[6:]), binary.LittleEndian.Uint16(data[8:])
	return Info{Width: int(w & 0x3fff), Height: int(h & 0x3fff)}, true
}

// findNAL returns the first NAL unit in Annex B (ITU-T H.264 annex B) whose first byte is wanted.
func findNAL(data []byte, wanted func(header byte) bool) []byte {
	begin := -1
	for i := 0; i+3 < len(data); i++ {
		if data[i] != 0 || data[i+1] != 0 || data[i+2] != 1 {
			continue
		}
		if begin >= 0 {
			return data[begin:i]
		}
		if wanted(data[i+3]) {
			begin = i + 3
		}
		i += 2
	}
	if begin < 0 {
		return nil
	}
	return data[begin:]
}
