package recorder

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"azulejo/recorder/fmp4"
)

// readAccessUnit converts an Annex B access unit. It takes the parameter sets out, drops delimiters
// and filler data, and writes a 4-byte length before each remaining NAL unit (ISO/IEC 14496-15,
// 5.3). An access unit without any remaining NAL unit is an error. The time is left to the caller.
func readAccessUnit(annexB []byte) (*videoSample, error) {
	var nalUnits h264.AnnexB
	if err := nalUnits.Unmarshal(annexB); err != nil {
		return nil, fmt.Errorf("read access unit: %w", err)
	}
	v := &videoSample{sets: &fmp4.ParameterSets{}}
	kept := make(h264.AVCC, 0, len(nalUnits))
	for _, n := range nalUnits {
		switch h264.NALUType(n[0] & 0x1f) {
		case h264.NALUTypeSPS:
			v.sets.SPS = n
		case h264.NALUTypePPS:
			v.sets.PPS = n
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
		case h264.NALUTypeIDR:
			v.Key = true
			kept = append(kept, n)
		default:
			kept = append(kept, n)
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("read access unit: it holds no picture")
	}
	var err error
	v.Data, err = kept.Marshal()
	return v, err
}
