package recorder

import (
	"slices"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// sharedRate divides both rates. It keeps onVideo from overflowing: ticks since 1970 times a whole
// rate overflow in 2037.
const sharedRate = 6000

// onVideo converts audio ticks to video ticks, rounded down.
func onVideo(audio int64) int64 {
	return audio * (fmp4.VideoRate / sharedRate) / (fmp4.AudioRate / sharedRate)
}

// pushAudio places an audio frame at the end of the frame before it, or at its own time if that is
// more than audioTolerance away.
func (s *segmenter) pushAudio(p mixer.Packet) error {
	at := fmp4.Ticks(s.epoch.Add(p.PTS), fmp4.AudioRate)
	s.hasAudio = true
	switch d := at - s.audioEnd; {
	case s.audioEnd != 0 && d >= -audioTolerance && d <= audioTolerance:
		at = s.audioEnd
	case d < -maxJump*fmp4.AudioRate/fmp4.VideoRate: // the source's clock has gone back
		if err := s.finishIfLive(); err != nil {
			return err
		}
		s.audio = nil
	case d < 0:
		s.stats.dropped++
		return nil
	}
	s.audioEnd = at + fmp4.AACFrame
	if !s.run.live || onVideo(at) >= s.run.start {
		s.audio = append(s.audio, fmp4.Sample{Time: at, Data: p.Data})
	}
	return s.advanceAudio(at)
}

// advanceAudio does the cuts that waited for audio until that time. Without video it ends the run
// and drops old audio, which keeps the queues short.
func (s *segmenter) advanceAudio(at int64) error {
	now := onVideo(at)
	if !s.run.live {
		_, s.audio = splitAudio(s.audio, now-maxJump)
		return nil
	}
	if now-s.newestVideo() > maxJump {
		return s.finishRun(footage.Unknown)
	}
	return s.advance(false)
}

// audioReached tells whether a cut at that video time need not wait: its audio has arrived or is
// late, or the run has none.
func (s *segmenter) audioReached(at int64) bool {
	silent := s.run.init != "" && !s.run.audio
	return silent || onVideo(s.audioEnd) >= at || s.newestVideo()-at >= audioWait
}

// splitAudio splits before the first frame at or after a video time.
func splitAudio(audio []fmp4.Sample, at int64) (before, after []fmp4.Sample) {
	i := slices.IndexFunc(audio, func(a fmp4.Sample) bool { return onVideo(a.Time) >= at })
	if i < 0 {
		return audio, nil
	}
	return audio[:i:i], audio[i:]
}
