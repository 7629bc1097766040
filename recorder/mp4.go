package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// Media time in the files counts from 1970 UTC, so that both tracks, all segments and all runs
// lie on one line: the wall clock (as in DASH-IF live ingest).
const (
	videoID, audioID     = 1, 2
	videoRate, audioRate = 90000, 48000
	aacSamples           = 1024 // per access unit
)

// ticksOf is t in units of 1/rate s since 1970, to the nearest.
func ticksOf(t time.Time, rate int64) int64 {
	return t.Unix()*rate + (int64(t.Nanosecond())*rate+5e8)/1e9
}

// wallOf is the instant of a video time, to the nearest millisecond.
func wallOf(ticks int64) time.Time {
	return time.UnixMilli((ticks + videoRate/2000) / (videoRate / 1000)).UTC()
}

// sample is one access unit as it goes into the file.
type sample struct {
	at   int64 // decoding time in ticks of its track
	data []byte
	key  bool

	// Of pictures only.
	cut   cut        // what ends before it
	sets  *paramSets // what a keyframe is decoded with
	lasts int64      // if nothing follows
}

// paramSets are the parameter sets of H.264, which the init segment carries for its run.
type paramSets struct{ sps, pps []byte }

// videoSample splits an Annex B access unit: parameter sets beside, delimiters away, the rest
// with lengths in front (ISO/IEC 14496-15, 5.3). It is nil where no picture is left.
func videoSample(annexB []byte) (*sample, error) {
	var units h264.AnnexB
	if err := units.Unmarshal(annexB); err != nil {
		return nil, fmt.Errorf("read access unit: %w", err)
	}
	s := &sample{sets: &paramSets{}}
	kept := make(h264.AVCC, 0, len(units))
	for _, u := range units {
		switch h264.NALUType(u[0] & 0x1f) {
		case h264.NALUTypeSPS:
			s.sets.sps = u
		case h264.NALUTypePPS:
			s.sets.pps = u
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
		case h264.NALUTypeIDR:
			s.key = true
			kept = append(kept, u)
		default:
			kept = append(kept, u)
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("read access unit: it holds no picture")
	}
	var err error
	s.data, err = kept.Marshal()
	return s, err
}

// marshalInit builds the init segment of a run, and its name: a hash of its bytes.
func marshalInit(sets *paramSets, audio bool) (init []byte, hash string, err error) {
	tracks := []*fmp4.InitTrack{{
		ID: videoID, TimeScale: videoRate, Codec: &codecs.H264{SPS: sets.sps, PPS: sets.pps},
	}}
	if audio {
		tracks = append(tracks, &fmp4.InitTrack{ID: audioID, TimeScale: audioRate, Codec: &codecs.MPEG4Audio{
			Config: mpeg4audio.AudioSpecificConfig{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: audioRate, ChannelConfig: 2,
			},
		}})
	}
	var buf seekablebuffer.Buffer
	if err := (fmp4.Init{Tracks: tracks}).Marshal(&buf); err != nil {
		return nil, "", fmt.Errorf("build init segment: %w", err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(sum[:])[:12], nil
}

// marshalPart builds a moof and its mdat. A picture lasts until the next one, the last until
// end; sound that is missing within a part prolongs what is before it.
func marshalPart(seq uint32, video, audio []sample, end int64) ([]byte, error) {
	part := fmp4.Part{SequenceNumber: seq, Tracks: []*fmp4.PartTrack{track(videoID, video, end)}}
	if len(audio) > 0 {
		part.Tracks = append(part.Tracks, track(audioID, audio, audio[len(audio)-1].at+aacSamples))
	}
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("build part: %w", err)
	}
	return buf.Bytes(), nil
}

func track(id int, samples []sample, end int64) *fmp4.PartTrack {
	t := &fmp4.PartTrack{ID: id, BaseTime: uint64(samples[0].at)}
	for i, s := range samples {
		next := end
		if i+1 < len(samples) {
			next = samples[i+1].at
		}
		t.Samples = append(t.Samples, &fmp4.Sample{
			Duration: uint32(next - s.at), Payload: s.data, IsNonSyncSample: id == videoID && !s.key,
		})
	}
	return t
}

// measurePart reads what marshalPart built and tells when its pictures end.
func measurePart(b []byte) (time.Time, error) {
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil {
		return time.Time{}, fmt.Errorf("read part: %w", err)
	}
	for _, p := range parts {
		for _, t := range p.Tracks {
			if t.ID == videoID && len(t.Samples) > 0 {
				return wallOf(trackEnd(t)), nil
			}
		}
	}
	return time.Time{}, errors.New("read part: it holds no picture")
}

func trackEnd(t *fmp4.PartTrack) int64 {
	end := int64(t.BaseTime)
	for _, s := range t.Samples {
		end += int64(s.Duration)
	}
	return end
}

// same tells whether b decodes what a decodes.
func (a *paramSets) same(b *paramSets) bool {
	return bytes.Equal(a.sps, b.sps) && bytes.Equal(a.pps, b.pps)
}
