package codec

import (
	"errors"
	"slices"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/codec/aac"
	"azulejo/mixer"
)

// configSearch finds a configuration for AAC whose own configuration does not fit its data. Cameras tell a wrong sampling rate in
// the SDP. A raw access unit does not say its rate, but an AAC decoder with other tables of scale factor bands fails at nearly
// every access unit. So the search decodes some access units with each rate. Rates with equal tables, such as 48 and 44.1 kHz,
// cannot be told apart this way. Whether the audio is mono or stereo need not be found: FFmpeg follows the data.
type configSearch struct {
	failed   []mixer.Packet // the last packets that could not be decoded, at most searchPackets
	failures int            // packets that could not be decoded since decoding last worked
	next     int            // the search starts at this value of failures; zero: searchPackets
	good     int            // packets in a row that were decoded
}

const (
	searchPackets = 8    // packets that a search decodes: enough that decoding them with wrong tables is no coincidence
	goodPackets   = 2    // packets in a row after which decoding works; with wrong tables, one of ten packets may be decoded
	searchLeast   = 0.75 // a configuration is taken if it decodes more than this share of the packets
)

// usualRates holds the sampling rates of AAC in Hz, in the order in which cameras use them.
var usualRates = []int{16000, 8000, 48000, 44100, 32000, 24000, 22050, 11025, 12000, 64000, 88200, 96000, 7350}

// note records the result of decoding p. It tells whether a search is due. Without success, the distance to the next search
// doubles.
func (s *configSearch) note(p mixer.Packet, err error) (due bool) {
	if !errors.Is(err, mixer.ErrInvalidData) {
		if s.good++; s.good >= goodPackets {
			*s = configSearch{good: s.good}
		}
		return false
	}
	s.good = 0
	s.failures++
	s.failed = append(s.failed, p)
	s.failed = s.failed[max(0, len(s.failed)-searchPackets):]
	if s.failures < max(s.next, searchPackets) {
		return false
	}
	s.next = 2 * s.failures
	return true
}

// run returns a decoder that has decoded the failed packets before the last one; nil if no configuration fits.
func (s *configSearch) run() *decoder {
	var best *decoder
	most := int(searchLeast * float64(len(s.failed)-1))
	for _, rate := range s.rates() {
		d, err := newDecoder(mixer.AAC, decoderConfig{extra: aac.LowComplexity(rate, 2)})
		if err != nil {
			continue
		}
		if n := s.count(d); n > most {
			most, best, d = n, d, best
		}
		if d != nil {
			d.close()
		}
	}
	return best
}

// count decodes the failed packets before the last one, and returns how many of them d can decode.
func (s *configSearch) count(d *decoder) (n int) {
	for _, p := range s.failed[:len(s.failed)-1] {
		if d.decode(p, func(*astiav.Frame) error { return nil }) == nil {
			n++
		}
	}
	return n
}

// rates returns the sampling rates to try, in Hz. If several fit, the first one is taken. It is the rate that agrees with the
// distance of the packets, if there is one: an access unit has 1024 samples.
func (s *configSearch) rates() []int {
	step := (s.failed[len(s.failed)-1].PTS - s.failed[0].PTS) / time.Duration(len(s.failed)-1)
	rates := slices.Clone(usualRates)
	agrees := func(rate int) int {
		if length := 1024 * time.Second / time.Duration(rate); (length - step).Abs() < length/25 {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(rates, func(a, b int) int { return agrees(a) - agrees(b) })
	return rates
}
