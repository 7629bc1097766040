// Package fmp4 reads and writes the MP4 boxes of footage. The recorder calls it to build init segments and
// parts; a part is a moof and its mdat. The spool calls it to repair a segment whose last part was not
// written whole. The package has no state, so all functions may be called concurrently.
//
// Media time in the files counts from 1970 UTC. So both tracks, all segments and all runs lie on
// one time line, the wall clock (as in DASH-IF live ingest).
package fmp4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	boxes "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// The track IDs in every file.
const videoID, audioID = 1, 2

// Sample is one video or audio access unit, in the form in which the file stores it.
type Sample struct {
	Time int64  // decoding time since 1970 UTC, in clock units of its track
	Data []byte // H.264: NAL units with 4-byte lengths (ISO/IEC 14496-15, 5.3); AAC: a raw frame
	Key  bool   // decoding can start here; unused for audio
}

// ParameterSets holds the H.264 parameter sets of a run. They stand in the run's init segment.
type ParameterSets struct{ SPS, PPS []byte }

// Equal tells whether a and b hold the same bytes.
func (a *ParameterSets) Equal(b *ParameterSets) bool {
	return bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS)
}

// MarshalInit builds the init segment of a run, with an audio track if audio is true. It also returns the
// first 12 hex digits of the init segment's SHA-256, by which names refer to it.
func MarshalInit(sets *ParameterSets, audio bool) (init []byte, hash string, err error) {
	tracks := []*boxes.InitTrack{{
		ID: videoID, TimeScale: VideoRate, Codec: &codecs.H264{SPS: sets.SPS, PPS: sets.PPS},
	}}
	if audio {
		tracks = append(tracks, &boxes.InitTrack{ID: audioID, TimeScale: AudioRate, Codec: &codecs.MPEG4Audio{
			Config: mpeg4audio.AudioSpecificConfig{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: AudioRate, ChannelConfig: 2,
			},
		}})
	}
	var buf seekablebuffer.Buffer
	if err := (boxes.Init{Tracks: tracks}).Marshal(&buf); err != nil {
		return nil, "", fmt.Errorf("build init segment: %w", err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(sum[:])[:12], nil
}

// MarshalPart builds a part: a moof and its mdat. video must not be empty. Each video sample lasts until
// the next one, and the last one until end, a time in video clock units. Each audio sample lasts until the
// next one too, so that it fills a gap after it. The last audio sample lasts one AAC frame.
func MarshalPart(seq uint32, video, audio []Sample, end int64) ([]byte, error) {
	part := boxes.Part{SequenceNumber: seq, Tracks: []*boxes.PartTrack{track(videoID, video, end)}}
	if len(audio) > 0 {
		part.Tracks = append(part.Tracks, track(audioID, audio, audio[len(audio)-1].Time+AACFrame))
	}
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("build part: %w", err)
	}
	return buf.Bytes(), nil
}

// track returns the samples of one track. The last one lasts until end.
func track(id int, samples []Sample, end int64) *boxes.PartTrack {
	t := &boxes.PartTrack{ID: id, BaseTime: uint64(samples[0].Time)}
	for i, s := range samples {
		next := end
		if i+1 < len(samples) {
			next = samples[i+1].Time
		}
		t.Samples = append(t.Samples, &boxes.Sample{
			Duration: uint32(next - s.Time), Payload: s.Data, IsNonSyncSample: id == videoID && !s.Key,
		})
	}
	return t
}
