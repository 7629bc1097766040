package recorder

import (
	"crypto/rand"
	"encoding/hex"
	"slices"

	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// advance makes the planned cuts in order. It stops at the first cut that must wait for audio. If force is
// true, it makes all planned cuts.
func (s *segmenter) advance(force bool) error {
	for {
		i := slices.IndexFunc(s.video, func(v videoSample) bool { return v.cut != noCut })
		if i < 0 || (!force && !s.audioReached(s.video[i].Time)) {
			return nil
		}
		end, planned := s.video[i].Time, s.video[i].cut
		s.video[i].cut = noCut
		if err := s.writePart(i, end); err != nil {
			return err
		}
		if planned != segmentCut {
			continue
		}
		if err := s.finishSegment(end); err != nil {
			return err
		}
	}
}

// writePart writes a part with the first n waiting video samples and the audio before end. end is when the
// last of these video samples ends, in video clock units. If no segment is open, writePart opens one.
func (s *segmenter) writePart(n int, end int64) error {
	if s.file == nil {
		if err := s.openSegment(&s.video[0]); err != nil {
			return err
		}
	}
	audio, rest := splitAudio(s.audio, end)
	if !s.run.audio {
		s.stats.dropped += uint64(len(audio)) // the init segment was written before any audio arrived
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

// mediaOf returns the samples in the form that fmp4.MarshalPart needs.
func mediaOf(video []videoSample) []fmp4.Sample {
	out := make([]fmp4.Sample, len(video))
	for i := range video {
		out[i] = video[i].Sample
	}
	return out
}

// openSegment creates the segment that starts with the keyframe first. If the segment's init segment differs
// from that of the segment before, a new run with a new nonce starts.
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

// newNonce returns the nonce of a new run: four random hex digits that differ from last.
func newNonce(last string) string {
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // it never returns an error
		if n := hex.EncodeToString(b[:]); n != last {
			return n
		}
	}
}

// finishSegment finishes the open segment. end is when its video ends, in video clock units.
func (s *segmenter) finishSegment(end int64) error {
	if err := s.file.Finish(fmp4.WallTime(end)); err != nil {
		return err
	}
	s.file = nil
	s.stats.segments++
	return nil
}

// finishIfLive ends the run, if there is one, with the reason Unknown.
func (s *segmenter) finishIfLive() error {
	if !s.run.live {
		return nil
	}
	return s.finishRun(footage.Unknown)
}

// finishRun writes all waiting samples of the run, finishes the segment and writes a mark with the reason
// for the end of the run.
func (s *segmenter) finishRun(reason footage.Reason) error {
	if err := s.advance(true); err != nil {
		return err
	}
	last := s.video[len(s.video)-1]
	end := last.Time + last.duration
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
	s.audio = rest // it is later than the end of this run and may belong to the next run
	return s.spool.Mark(mark)
}
