package depack

import (
	"errors"
	"fmt"

	"azulejo/codec/h264"
)

// aacRates are the sampling rates in Hz by their index (ISO 14496-3, table 1.18).
var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Audio object types (ISO 14496-3, table 1.17).
const (
	aacSBR = 5
	aacLD  = 23
	aacPS  = 29
	aacELD = 39
)

// aacInfo holds what an AudioSpecificConfig says about the length of access units.
type aacInfo struct {
	rate    int // of the core coder, in Hz
	samples int // of the core coder in an access unit
}

// readAACConfig reads an AudioSpecificConfig (ISO 14496-3, 1.6.2.1). The error names what no decoder could use.
func readAACConfig(config []byte) (aacInfo, error) {
	fail := func(format string, args ...any) (aacInfo, error) {
		return aacInfo{}, fmt.Errorf("AAC configuration %X: "+format, append([]any{config}, args...)...)
	}
	r := h264.NewReader(config)
	object, rate, channels := readAACObject(r), readAACRate(r), r.Bits(4)
	if object == aacSBR || object == aacPS {
		readAACRate(r) // of the output
		object = readAACObject(r)
	}
	short := r.Bits(1) == 1 // frameLengthFlag
	switch {
	case len(config) == 0:
		return aacInfo{}, errors.New("AAC configuration is missing")
	case r.Bad():
		return fail("too short")
	case !decodable(object):
		return fail("object type %d; accepted are AAC Main, LC, LTP, SBR, PS, LD and ELD", object)
	case rate < 7350 || rate > 96000:
		return fail("sampling rate %d Hz; accepted are 7350 to 96000 Hz", rate)
	case channels == 0 && len(config) < 7: // a program_config_element must follow, which has 5 bytes at least
		return fail("no channels")
	case channels > 7 && channels != 11 && channels != 12 && channels != 14:
		return fail("channel configuration %d; accepted are 1 to 7, 11, 12, 14", channels)
	}
	return aacInfo{rate, aacSamples(object, short)}, nil
}

// aacSamples returns the number of samples in an access unit (ISO 14496-3, 4.5.1.1).
func aacSamples(object uint32, short bool) int {
	samples := 1024
	if object == aacLD || object == aacELD {
		samples = 512
	}
	if short {
		samples -= samples / 16 // 960 or 480
	}
	return samples
}

// decodable tells whether FFmpeg decodes an audio object type: Main, LC, LTP, ER LC, ER LD, ER ELD.
func decodable(object uint32) bool {
	switch object {
	case 1, 2, 4, 17, aacLD, aacELD:
		return true
	}
	return false
}

func readAACObject(r *h264.Reader) uint32 {
	object := r.Bits(5)
	if object == 31 {
		object = 32 + r.Bits(6)
	}
	return object
}

// readAACRate returns a sampling rate in Hz; zero if its index is reserved.
func readAACRate(r *h264.Reader) int {
	index := r.Bits(4)
	switch {
	case index == 15:
		return int(r.Bits(24))
	case int(index) < len(aacRates):
		return aacRates[index]
	}
	return 0
}

// isADTS tells whether b starts with the header of an ADTS frame (ISO 14496-3, 1.A.2.2).
func isADTS(b []byte) bool {
	return len(b) >= 7 && b[0] == 0xff && b[1]&0xf6 == 0xf0
}

// splitADTS removes the ADTS headers of an access unit. It returns the access units without headers, and the
// AudioSpecificConfig that the headers describe. Without headers it returns the access unit and no configuration.
func splitADTS(unit []byte) (frames [][]byte, config []byte) {
	for rest := unit; len(rest) > 0; {
		if !isADTS(rest) {
			return [][]byte{unit}, nil
		}
		head, size := 7, int(rest[3]&3)<<11|int(rest[4])<<3|int(rest[5]>>5)
		if rest[1]&1 == 0 {
			head = 9 // with a CRC
		}
		if size <= head || size > len(rest) || rest[6]&3 != 0 {
			return [][]byte{unit}, nil
		}
		config = adtsConfig(rest)
		frames, rest = append(frames, rest[head:size]), rest[size:]
	}
	return frames, config
}

// adtsConfig returns the AudioSpecificConfig of an ADTS header; nil if the header does not tell the channels.
func adtsConfig(head []byte) []byte {
	object, rate, channels := head[2]>>6+1, head[2]>>2&15, head[2]&1<<2|head[3]>>6
	if channels == 0 {
		return nil
	}
	return []byte{object<<3 | rate>>1, rate<<7 | channels<<3}
}
