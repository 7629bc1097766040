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

// aacTrack converts RTP packets of AAC (RFC 3640) to access units. One goroutine uses it.
type aacTrack struct {
	depacketizer *rtpmpeg4audio.Decoder
	config       []byte        // AudioSpecificConfig
	clockRate    int64         // RTP clock units per second
	duration     time.Duration // of an access unit

	started       bool   // a packet has arrived
	nextSeq       uint16 // the sequence number that the next packet should have
	lost          bool   // data is missing before the next access unit
	lastTimestamp uint32 // RTP timestamp of the last packet
	elapsed       int64  // RTP clock units from the first packet to the last
}

// newAACTrack returns a track with the format that the camera's SDP describes.

func newAACTrack(f *format.MPEG4Audio) (*aacTrack, error) {
	if f.Config.SampleRate <= 0 || f.Config.ExtensionSampleRate < 0 {
		return nil, fmt.Errorf("AAC of %d Hz", f.Config.SampleRate)
	}
	depacketizer, err := f.CreateDecoder()
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
	// With SBR the RTP clock has the sample rate of the decoder's output, which is twice that of the core coder. The
	// output of an access unit then has twice as many samples, so that its duration is the same as without SBR.
	return &aacTrack{
		depacketizer: depacketizer, config: config,
		clockRate: int64(cmp.Or(f.Config.ExtensionSampleRate, f.Config.SampleRate)),
		duration:  time.Duration(samples) * time.Second / time.Duration(f.Config.SampleRate),
	}, nil
}

// push returns the access units that p completes. The first one has the time of p's RTP timestamp. Each other one
// starts where the one before it ends.
func (a *aacTrack) push(p *rtp.Packet) (all []mixer.Packet) {
	at := a.advance(p)
	units, err := a.depacketizer.Decode(p)
	if err != nil {
		a.lost = a.lost || !errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded)
		return nil
	}
	for i, data := range units {
		all = append(all, mixer.Packet{
			Codec: mixer.AAC, Data: slices.Clone(data), PTS: at + time.Duration(i)*a.duration, Duration: a.duration,
			Key: true, Lost: a.lost, Config: a.config,
		})
		a.lost = false
	}
	return all
}

// advance updates lost by p's sequence number and elapsed by its timestamp. It returns the time from the first packet
// to p.
func (a *aacTrack) advance(p *rtp.Packet) time.Duration {
	if !a.started {
		a.started, a.nextSeq, a.lastTimestamp = true, p.SequenceNumber, p.Timestamp
	}
	a.lost = a.lost || p.SequenceNumber != a.nextSeq
	a.elapsed += int64(int32(p.Timestamp - a.lastTimestamp))
	a.nextSeq, a.lastTimestamp = p.SequenceNumber+1, p.Timestamp
	seconds, rest := a.elapsed/a.clockRate, a.elapsed%a.clockRate
	return time.Duration(seconds)*time.Second + time.Duration(rest*int64(time.Second)/a.clockRate)
}
