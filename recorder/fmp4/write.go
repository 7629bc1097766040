// Package fmp4 reads and writes the MP4 boxes of footage. The recorder calls it to build init segments and
// parts. A part is a moof box and its mdat box. The spool calls the package to repair a segment whose last
// part is incomplete. The package has no state, so all functions may be called concurrently.
//
// Media time in the files counts from 1970 UTC, as in DASH-IF live ingest. So the times of both tracks, of
// all segments and of all runs are wall-clock times.
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

// ParameterSets holds the H.264 parameter sets of a run. The run's init segment contains them.
type ParameterSets struct{ SPS, PPS []byte }

// Equal tells whether a and b hold the same bytes.
func (a *ParameterSets) Equal(b *ParameterSets) bool {
	return bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS)
}

// MarshalInit builds the init segment of a run, with an audio track if audio is true. hash is the first 12
// hex digits of the init segment's SHA-256. The names in package footage contain this hash. MarshalInit
// returns an error for parameter sets that it cannot parse.
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

// MarshalPart builds a part: a moof box and its mdat box. seq is the part's sequence number in its run, from
// one. video must not be empty; audio may be. Each sample lasts until the next sample of its track, also
// across a gap. The last video sample lasts until end, which is in video clock units. The last audio sample
// lasts one AAC frame.
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

// track returns the track of a part with these samples. The last sample lasts until end, in clock units of
// the track.
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
