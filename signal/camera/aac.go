package camera

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/pion/rtp"

	"azulejo/mixer"
)

// aacTrack turns RTP packets of AAC (RFC 3640) into access units. One goroutine owns it.
type aacTrack struct {
	decoder *rtpmpeg4audio.Decoder
	config  []byte        // AudioSpecificConfig
	clock   int64         // RTP ticks a second
	length  time.Duration // of an access unit

	started bool
	next    uint16 // sequence number that the next packet should have
	lost    bool   // something is missing before the next access unit
	stamp   uint32 // RTP timestamp of the last packet
	ticks   int64  // from the first packet to the last
}

func newAACTrack(f *format.MPEG4Audio) (*aacTrack, error) {
	if f.Config.SampleRate <= 0 || f.Config.ExtensionSampleRate < 0 {
		return nil, fmt.Errorf("AAC of %d Hz", f.Config.SampleRate)
	}
	decoder, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	config, err := f.Config.Marshal()
	if err != nil {
		return nil, err
	}
	samples := 1024
	if f.Config.FrameLengthFlag {
		samples = 960 // ISO 14496-3 4.5.1.1
	}
	// With SBR the RTP clock has the rate of the output, twice that of the core coder. An access unit has twice as many
	// samples of the output, so that it lasts as long.
	return &aacTrack{
		decoder: decoder, config: config, clock: int64(cmp.Or(f.Config.ExtensionSampleRate, f.Config.SampleRate)),
		length: time.Duration(samples) * time.Second / time.Duration(f.Config.SampleRate),
	}, nil
}

// push returns the access units that p completes. The first one has the time of the RTP timestamp, the others of the same
// packet follow without a gap.
func (a *aacTrack) push(p *rtp.Packet) (all []mixer.Packet) {
	at := a.advance(p)
	units, err := a.decoder.Decode(p)
	if err != nil {
		a.lost = a.lost || !errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded)
		return nil
	}
	for i, data := range units {
		all = append(all, mixer.Packet{
			Codec: mixer.AAC, Data: slices.Clone(data), PTS: at + time.Duration(i)*a.length, Duration: a.length,
			Key: true, Lost: a.lost, Config: a.config,
		})
		a.lost = false
	}
	return all
}

// advance follows sequence numbers and timestamps to p, and returns its time since the first packet.
func (a *aacTrack) advance(p *rtp.Packet) time.Duration {
	if !a.started {
		a.started, a.next, a.stamp = true, p.SequenceNumber, p.Timestamp
	}
	a.lost = a.lost || p.SequenceNumber != a.next
	a.ticks += int64(int32(p.Timestamp - a.stamp))
	a.next, a.stamp = p.SequenceNumber+1, p.Timestamp
	return time.Duration(a.ticks/a.clock)*time.Second + time.Duration(a.ticks%a.clock*int64(time.Second)/a.clock)
}
