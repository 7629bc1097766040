package recorder

import (
	"slices"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// sharedRate is a common divisor of the clock rates of video and audio. audioToVideo divides both rates by
// sharedRate to keep its product small. The product with the full video rate would overflow int64 in 2037.
const sharedRate = 6000

// audioToVideo converts a time from audio to video clock units, rounded down.
func audioToVideo(audio int64) int64 {
	return audio * (fmp4.VideoRate / sharedRate) / (fmp4.AudioRate / sharedRate)
}

// pushAudio adds an audio frame. It compares the frame's time with the end of the frame before:
//   - A frame at most audioTolerance away is moved to that end, so that the audio has no gap or overlap.
//   - A later frame keeps its time.
//   - A frame more than maxJump early ends the run and is kept for the next run.
//   - Any other early frame is dropped.
func (s *segmenter) pushAudio(p mixer.Packet) error {
	start := fmp4.Ticks(s.epoch.Add(p.PTS), fmp4.AudioRate)
	s.hasAudio = true
	switch gap := start - s.audioEnd; {
	case s.audioEnd != 0 && gap >= -audioTolerance && gap <= audioTolerance:
		start = s.audioEnd
	case gap < -maxJump*fmp4.AudioRate/fmp4.VideoRate: // the audio's time has gone back
		if err := s.finishIfLive(); err != nil {
			return err
		}
		s.audio = nil
	case gap < 0:
		s.stats.dropped++
		return nil
	}
	s.audioEnd = start + fmp4.AACFrame
	if !s.run.live || audioToVideo(start) >= s.run.start {
		s.audio = append(s.audio, fmp4.Sample{Time: start, Data: p.Data})
	}
	return s.advanceAudio(start)
}

// advanceAudio makes the cuts that waited for the newest audio frame. newest is the start of this frame, in
// audio clock units. To limit the number of waiting samples, advanceAudio ends a run whose video has been
// missing for longer than maxJump. Without a run it drops audio that is older than maxJump.
func (s *segmenter) advanceAudio(newest int64) error {
	videoTime := audioToVideo(newest)
	if !s.run.live {
		_, s.audio = splitAudio(s.audio, videoTime-maxJump)
		return nil
	}
	if videoTime-s.newestVideo() > maxJump {
		return s.finishRun(footage.Unknown)
	}
	return s.advance(false)
}

// audioReached tells whether a cut at cutTime (video clock units) need not wait for audio. That is so if the
// audio before cutTime has arrived or is late, or if the run has no audio track.
func (s *segmenter) audioReached(cutTime int64) bool {
	noTrack := s.run.init != "" && !s.run.audio
	return noTrack || audioToVideo(s.audioEnd) >= cutTime || s.newestVideo()-cutTime >= audioWait
}

// splitAudio splits audio before the first frame that starts at or after cutTime, which is in video clock
// units.
func splitAudio(audio []fmp4.Sample, cutTime int64) (before, after []fmp4.Sample) {
	i := slices.IndexFunc(audio, func(a fmp4.Sample) bool { return audioToVideo(a.Time) >= cutTime })
	if i < 0 {
		return audio, nil
	}
	return audio[:i:i], audio[i:]
}
