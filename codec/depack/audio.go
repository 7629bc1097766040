package depack

import (
	"errors"
	"slices"
	"time"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

var (
	errOpusCount  = errors.New("frame count of an Opus packet is zero or missing")
	errOpusLength = errors.New("frames of an Opus packet exceed 120 ms")
)

// audio is the assembler of audio codecs. It emits every packet as an access unit.
type audio struct {
	id       mixer.Codec
	track    *Track
	duration func(payload []byte, rate int64) (time.Duration, error) // of a payload; rate is the RTP clock rate in Hz
	lost     bool                                                    // a packet after the last access unit is missing
}

func (a *audio) add(p *rtp.Packet, pts mediaTime, gap bool) {
	a.lost = a.lost || gap
	d, err := a.duration(p.Payload, a.track.clock.rate)
	if err != nil {
		a.track.malformed(err)
		a.track.stats.Dropped++
		a.lost = true
		return
	}
	a.track.emit(mixer.Packet{
		Codec: a.id, Data: slices.Clone(p.Payload), PTS: a.track.clock.duration(pts), Duration: d, Key: true, Lost: a.lost,
	})
	a.lost = false
}

// flush does nothing, because every access unit is complete after add.
func (a *audio) flush() {}

// octetDuration returns the duration of a payload of G.711 or G.722. Both codecs have one octet per period of the RTP clock.
// For historical reasons, the RTP clock rate of G.722 is half of its sampling rate (RFC 3551, 4.5.2).
func octetDuration(payload []byte, rate int64) (time.Duration, error) {
	return time.Duration(len(payload)) * time.Second / time.Duration(rate), nil
}

// opusDuration returns the duration of an Opus packet. It computes the duration from the TOC byte and the frame count (RFC
// 6716, 3.1 and 3.2).
func opusDuration(payload []byte, _ int64) (time.Duration, error) {
	n := 1
	switch payload[0] & 3 {
	case 1, 2:
		n = 2
	case 3:
		if len(payload) < 2 || payload[1]&0x3f == 0 {
			return 0, errOpusCount
		}
		n = int(payload[1] & 0x3f)
	}
	d := time.Duration(n) * opusFrameDuration(payload[0]>>3)
	if d > 120*time.Millisecond {
		return 0, errOpusLength
	}
	return d, nil
}

// opusFrameDuration returns the duration of one frame in an Opus configuration (RFC 6716, table 2).
func opusFrameDuration(config byte) time.Duration {
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]time.Duration{10, 20, 40, 60}[config%4] * time.Millisecond
	case config < 16: // hybrid: 10, 20 ms
		return [2]time.Duration{10, 20}[config%2] * time.Millisecond
	}
	return 2500 * time.Microsecond << (config % 4) // CELT: 2.5, 5, 10, 20 ms
}
