package recorder

import (
	"slices"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// sharedRate is a common divisor of the clock rates of video and audio. audioToVideo divides both rates by
// it: the product of the clock units since 1970 and the full video rate would overflow int64 in 2037.
const sharedRate = 6000

// audioToVideo converts a time from audio to video clock units, rounded down.
func audioToVideo(audio int64) int64 {
	return audio * (fmp4.VideoRate / sharedRate) / (fmp4.AudioRate / sharedRate)
}

// pushAudio adds an audio frame. The frame starts at the end of the frame before it if its own time is
// at most audioTolerance away from that end. A frame that starts later than that keeps its own time. A
// frame that starts earlier is dropped, or ends the run if it is more than maxJump early.
func (s *segmenter) pushAudio(p mixer.Packet) error {
	at := fmp4.Ticks(s.epoch.Add(p.PTS), fmp4.AudioRate)
	s.hasAudio = true
	switch d := at - s.audioEnd; {
	case s.audioEnd != 0 && d >= -audioTolerance && d <= audioTolerance:
		at = s.audioEnd
	case d < -maxJump*fmp4.AudioRate/fmp4.VideoRate: // the audio's time has gone back
		if err := s.finishIfLive(); err != nil {
			return err
		}
		s.audio = nil
	case d < 0:
		s.stats.dropped++
		return nil
	}
	s.audioEnd = at + fmp4.AACFrame
	if !s.run.live || audioToVideo(at) >= s.run.start {
		s.audio = append(s.audio, fmp4.Sample{Time: at, Data: p.Data})
	}
	return s.advanceAudio(at)
}

// advanceAudio makes the cuts that waited for audio up to at (audio clock units). It ends the run when
// video has been missing for longer than maxJump. While there is no run it drops audio that is older
// than maxJump. So the samples that wait are few.
func (s *segmenter) advanceAudio(at int64) error {
	now := audioToVideo(at)
	if !s.run.live {
		_, s.audio = splitAudio(s.audio, now-maxJump)
		return nil
	}
	if now-s.newestVideo() > maxJump {
		return s.finishRun(footage.Unknown)
	}
	return s.advance(false)
}

// audioReached tells whether a cut at the video time at need not wait for audio: the audio before it has
// arrived or is late, or the run has no audio track.
func (s *segmenter) audioReached(at int64) bool {
	noTrack := s.run.init != "" && !s.run.audio
	return noTrack || audioToVideo(s.audioEnd) >= at || s.newestVideo()-at >= audioWait
}

// splitAudio splits audio before the first frame that starts at or after at, a video time.
func splitAudio(audio []fmp4.Sample, at int64) (before, after []fmp4.Sample) {
	i := slices.IndexFunc(audio, func(a fmp4.Sample) bool { return audioToVideo(a.Time) >= at })
	if i < 0 {
		return audio, nil
	}
	return audio[:i:i], audio[i:]
}
