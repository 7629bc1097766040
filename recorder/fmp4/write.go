// Package fmp4 owns the boxes of footage: it writes init segments and parts (a moof and its mdat),
// scans for whole parts and repairs a torn segment. The recorder writes, the spool repairs. It has
// no state, so everything may be called concurrently.
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

// The track numbers in every file.
const videoID, audioID = 1, 2

// Sample is one access unit in the form that the file stores.
type Sample struct {
	Time int64  // decoding time in ticks of its track since 1970
	Data []byte // H.264: NAL units with 4-byte lengths (ISO/IEC 14496-15, 5.3); AAC: a raw frame
	Key  bool   // decoding can start here; audio ignores it
}

// ParameterSets are the parameter sets of H.264, which the init segment carries for its run.
type ParameterSets struct{ SPS, PPS []byte }

// Equal tells whether a and b hold the same bytes.
func (a *ParameterSets) Equal(b *ParameterSets) bool {
	return bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS)
}

// MarshalInit builds the init segment of a run. hash, 12 hex digits of its SHA-256, names it.
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

// MarshalPart builds a moof and its mdat; video is not empty. A video sample lasts until the next
// one, the last one until end (video ticks). Audio that is missing within a part prolongs the
// sample before the hole.
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
