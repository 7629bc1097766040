package recorder

import (
	"encoding/binary"
	"errors"

	"azulejo/codec/h264"
	"azulejo/recorder/fmp4"
)

// readAccessUnit converts an Annex B access unit to a sample of an MP4 file. It moves SPS and PPS into the
// sample's sets, and drops access unit delimiters and filler data. It writes a 4-byte length before each
// remaining NAL unit (ISO/IEC 14496-15, 5.3). It returns an error if the data does not begin with a start
// code, or if no NAL unit remains. The caller must set the sample's time and duration.
func readAccessUnit(annexB []byte) (*videoSample, error) {
	v := &videoSample{sets: &fmp4.ParameterSets{}}
	for offset, nal := range h264.NALs(annexB) {
		if offset == 0 { // NALs yields the bytes before the first start code with offset 0
			return nil, errors.New("read access unit: it does not begin with a start code")
		}
		switch h264.TypeOf(nal) {
		case h264.TypeSPS:
			v.sets.SPS = nal
			continue
		case h264.TypePPS:
			v.sets.PPS = nal
			continue
		case h264.TypeAUD, h264.TypeFiller:
			continue
		case h264.TypeIDR:
			v.Key = true
		}
		v.Data = binary.BigEndian.AppendUint32(v.Data, uint32(len(nal)))
		v.Data = append(v.Data, nal...)
	}
	if len(v.Data) == 0 {
		return nil, errors.New("read access unit: it holds no picture")
	}
	return v, nil
}
