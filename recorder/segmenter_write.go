package recorder

import (
	"crypto/rand"
	"encoding/hex"
	"slices"

	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// advance does the planned cuts in order, as far as their audio is reached; all of them if forced.
func (s *segmenter) advance(force bool) error {
	for {
		i := slices.IndexFunc(s.video, func(v videoSample) bool { return v.cut != noCut })
		if i < 0 || (!force && !s.audioReached(s.video[i].Time)) {
			return nil
		}
		end, kind := s.video[i].Time, s.video[i].cut
		s.video[i].cut = noCut
		if err := s.writePart(i, end); err != nil {
			return err
		}
		if kind != segmentCut {
			continue
		}
		if err := s.finishSegment(end); err != nil {
			return err
		}
	}
}

// writePart writes the first n video samples, the last of which lasts until end, and the audio
// before end.
func (s *segmenter) writePart(n int, end int64) error {
	if s.file == nil {
		if err := s.openSegment(&s.video[0]); err != nil {
			return err
		}
	}
	audio, rest := splitAudio(s.audio, end)
	if !s.run.audio {
		s.stats.dropped += uint64(len(audio)) // the init segment was written before the first audio
		audio = nil
	}
	s.run.parts++
	part, err := fmp4.MarshalPart(s.run.parts, mediaOf(s.video[:n]), audio, end)
	if err != nil {
		return err
	}
	if err := s.file.Append(part); err != nil {
		return err
	}
	s.video, s.audio = slices.Clone(s.video[n:]), slices.Clone(rest)
	s.stats.durable, s.stats.bytes = fmp4.WallTime(end), s.stats.bytes+uint64(len(part))
	return nil
}

func mediaOf(video []videoSample) []fmp4.Sample {
	out := make([]fmp4.Sample, len(video))
	for i := range video {
		out[i] = video[i].Sample
	}
	return out
}

// openSegment creates the segment that starts with a keyframe. It starts another run when the
// segment needs another init segment than the one before.
func (s *segmenter) openSegment(first *videoSample) error {
	init, hash, err := fmp4.MarshalInit(first.sets, s.hasAudio)
	if err != nil {
		return err
	}
	s.name.Seq++
	if hash != s.run.init {
		s.run = run{live: true, init: hash, audio: s.hasAudio}
		s.name.Init, s.name.Nonce, s.name.Seq = hash, newNonce(s.name.Nonce), 0
		s.stats.runs++
	}
	s.name.Start = fmp4.WallTime(first.Time)
	s.file, err = s.spool.Create(s.name, init)
	return err
}

// newNonce is four random hex digits, different from the last ones.
func newNonce(last string) string {
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := hex.EncodeToString(b[:]); n != last {
			return n
		}
	}
}

func (s *segmenter) finishSegment(end int64) error {
	if err := s.file.Finish(fmp4.WallTime(end)); err != nil {
		return err
	}
	s.file = nil
	s.stats.segments++
	return nil
}

func (s *segmenter) finishIfLive() error {
	if !s.run.live {
		return nil
	}
	return s.finishRun(footage.Unknown)
}

// finishRun writes all waiting samples, finishes the segment and marks the end of the run with the
// reason.
func (s *segmenter) finishRun(reason footage.Reason) error {
	if err := s.advance(true); err != nil {
		return err
	}
	last := s.video[len(s.video)-1]
	end := last.Time + last.lasts
	if err := s.writePart(len(s.video), end); err != nil {
		return err
	}
	if err := s.finishSegment(end); err != nil {
		return err
	}
	mark := s.name
	mark.Start, mark.Seq, mark.Reason = fmp4.WallTime(end), mark.Seq+1, reason
	rest := s.audio
	s.reset()
	s.audio = rest // it may belong to the next run
	return s.spool.Mark(mark)
}
