// Package aac reads and writes the headers of AAC: AudioSpecificConfigs and ADTS headers. codec and codec/depack call it. Its
// functions keep no state, and may be called concurrently.
package aac

import (
	"errors"
	"fmt"
	"slices"

	"azulejo/codec/h264"
)

// MaxConfig is the maximum size in bytes of a configuration. Real ones have 2 to 5 bytes. A program_config_element with a comment
// makes about 330 bytes.
const MaxConfig = 512

// rates are the sampling rates in Hz by their index (ISO 14496-3, table 1.18).
var rates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Audio object types (ISO 14496-3, table 1.17).
const (
	mainProfile   = 1
	lowComplexity = 2
	longTerm      = 4 // LTP
	sbr           = 5
	errorLC       = 17 // ER AAC LC
	lowDelay      = 23
	ps            = 29
	enhancedLD    = 39 // ELD
)

// Info holds what an AudioSpecificConfig says about the length of access units.
type Info struct {
	Rate    int // sampling rate of the core coder, in Hz
	Samples int // samples of the core coder in an access unit
}

// head is the start of an AudioSpecificConfig, up to frameLengthFlag.
type head struct {
	object   uint32 // audio object type of the core coder
	rate     int    // of the core coder, in Hz; zero if its index is reserved
	channels uint32 // channelConfiguration
	short    bool   // frameLengthFlag
}

// readHead reads the start of an AudioSpecificConfig (ISO 14496-3, 1.6.2.1).
func readHead(r *h264.Reader) (h head) {
	h.object, h.rate, h.channels = readObject(r), readRate(r), r.Bits(4)
	if h.object == sbr || h.object == ps {
		readRate(r) // of the output
		h.object = readObject(r)
	}
	h.short = r.Flag()
	return h
}

// ReadConfig reads an AudioSpecificConfig (ISO 14496-3, 1.6.2.1). The error names what no decoder could use.
func ReadConfig(config []byte) (Info, error) {
	switch {
	case len(config) == 0:
		return Info{}, errors.New("AAC configuration is missing")
	case len(config) > MaxConfig:
		return Info{}, fmt.Errorf("AAC configuration of %d bytes; accepted are at most %d", len(config), MaxConfig)
	}
	fail := func(format string, args ...any) (Info, error) {
		return Info{}, fmt.Errorf("AAC configuration %X: "+format, append([]any{config}, args...)...)
	}
	r := h264.NewReader(config)
	h := readHead(r)
	switch {
	case r.Bad():
		return fail("too short")
	case !decodable(h.object):
		return fail("object type %d; accepted are AAC Main, LC, LTP, SBR, PS, LD and ELD", h.object)
	case h.rate < 7350 || h.rate > 96000:
		return fail("sampling rate %d Hz; accepted are 7350 to 96000 Hz", h.rate)
	case h.channels == 0 && len(config) < 7: // a program_config_element must follow, which has 5 bytes at least
		return fail("no channels")
	case h.channels > 7 && h.channels != 11 && h.channels != 12 && h.channels != 14:
		return fail("channel configuration %d; accepted are 1 to 7, 11, 12, 14", h.channels)
	}
	return Info{h.rate, samples(h.object, h.short)}, nil
}

// CutConfig reads an AudioSpecificConfig among other fields, and returns a copy of its bits. LATM does not say how long an
// AudioSpecificConfig is. CutConfig finds the end for Main, LC and LTP, also with SBR and PS, unless a
// program_config_element describes the channels. It refuses other configurations.
func CutConfig(r *h264.Reader) ([]byte, error) {
	start := *r
	h := readHead(r)
	if r.Flag() { // dependsOnCoreCoder
		r.Bits(14)
	}
	extended := r.Flag()
	switch {
	case r.Bad():
		return nil, errors.New("AAC configuration is too short")
	case h.object != mainProfile && h.object != lowComplexity && h.object != longTerm:
		return nil, fmt.Errorf("AAC configuration with object type %d; accepted in LATM are AAC Main, LC, LTP, SBR and PS", h.object)
	case h.channels == 0:
		return nil, errors.New("AAC configuration without a channel configuration; accepted in LATM are 1 to 7, 11, 12, 14")
	case extended:
		return nil, errors.New("AAC configuration with an extension; LATM has none for AAC Main, LC and LTP")
	}
	return copyBits(&start, start.Left()-r.Left()), nil
}

// copyBits reads n bits. It returns them with zeros behind them up to the next byte.
func copyBits(r *h264.Reader, n int) []byte {
	out := make([]byte, (n+7)/8)
	for i := range out {
		width := min(8, n-8*i)
		out[i] = byte(r.Bits(width) << (8 - width))
	}
	return out
}

// LowComplexity returns the AudioSpecificConfig of AAC-LC for a sampling rate in Hz that has an index (ISO 14496-3, table
// 1.18), and a number of channels from 1 to 6. It returns nil for other rates.
func LowComplexity(rate, channels int) []byte {
	index := slices.Index(rates[:], rate)
	if index < 0 {
		return nil
	}
	return encode(lowComplexity, index, channels)
}

// encode returns an AudioSpecificConfig with an audio object type, the index of a sampling rate, and a channel configuration.
func encode(object, rate, channels int) []byte {
	bits := object<<11 | rate<<7 | channels<<3
	return []byte{byte(bits >> 8), byte(bits)}
}

// samples returns the number of samples in an access unit (ISO 14496-3, 4.5.1.1).
func samples(object uint32, short bool) int {
	n := 1024
	if object == lowDelay || object == enhancedLD {
		n = 512
	}
	if short {
		n -= n / 16 // 960 or 480
	}
	return n
}

// decodable tells whether FFmpeg decodes an audio object type.
func decodable(object uint32) bool {
	switch object {
	case mainProfile, lowComplexity, longTerm, errorLC, lowDelay, enhancedLD:
		return true
	}
	return false
}

// readObject returns an audio object type.
func readObject(r *h264.Reader) uint32 {
	object := r.Bits(5)
	if object == 31 {
		object = 32 + r.Bits(6)
	}
	return object
}

// readRate returns a sampling rate in Hz; zero if its index is reserved.
func readRate(r *h264.Reader) int {
	index := r.Bits(4)
	switch {
	case index == 15:
		return int(r.Bits(24))
	case int(index) < len(rates):
		return rates[index]
	}
	return 0
}
