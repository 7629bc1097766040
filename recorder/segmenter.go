package recorder

import (
	"time"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
)

// segmenter writes packets as parts of segments into the spool. One goroutine uses it.
//
// The segmenter plans a cut when the video sample after the cut arrives. When the audio before the cut has
// also arrived or is late, the segmenter makes the cut: it writes the part before the cut. Until then the
// samples wait in the fields video and audio. Cuts depend on media time alone; there is no timer.
type segmenter struct {
	spool *spool.Spool
	epoch time.Time // wall-clock time of PTS 0

	video    []videoSample       // samples that are not written yet; never empty in a run
	audio    []fmp4.Sample       // samples that are not written yet
	sets     *fmp4.ParameterSets // of the newest keyframe
	plan     cutPlan
	hasAudio bool  // audio has arrived, so the next init segment gets an audio track
	audioEnd int64 // when the newest audio frame ends, in audio clock units; zero before the first frame

	run   run
	name  footage.Name // name of the newest segment; Room and Stream never change
	file  *spool.File  // the open segment; nil until its first part is written
	stats segmenterStats
}

// run is the state that the segments of a run share.
type run struct {
	start int64  // time of the first video sample, in video clock units; earlier audio is dropped; zero after the first part
	live  bool   // false while the segmenter waits for a keyframe that starts a run
	init  string // hash of the init segment; empty until the first part is written
	audio bool   // the init segment has an audio track
	parts uint32 // number of parts written
}

// segmenterStats holds the fields of RecordingStats that the segmenter counts.
type segmenterStats struct {
	durable                        time.Time
	runs, segments, bytes, dropped uint64
}

// Lengths of time in video clock units of 1/90000 s, except audioTolerance.
const (
	boundaryTolerance = fmp4.VideoRate / 1000 // 1 ms, for rounding: a sample this early counts as on the boundary
	maxJump           = 5 * fmp4.VideoRate    // 5 s: a longer jump in media time, or a longer pause of the video, ends the run
	// A segment that gets longer than maxSegment (295 s) ends the run.
	maxSegment      = int64(footage.MaxSegment/time.Second)*fmp4.VideoRate - maxJump
	audioWait       = fmp4.VideoRate / 2   // 500 ms: the longest time that a cut waits for the audio before it
	audioTolerance  = fmp4.AudioRate / 100 // 10 ms in audio clock units: the largest gap or overlap of audio that is removed
	defaultDuration = fmp4.VideoRate / 25  // 40 ms: duration of a video sample whose packet has none
)

// videoTicks converts d to video clock units.
func videoTicks(d time.Duration) int64 { return int64(d * fmp4.VideoRate / time.Second) }

// push records one packet. It counts a packet that cannot be recorded as dropped. It returns an error when
// writing failed. An error ends the run. The whole parts of the run are kept, and the next keyframe starts
// a new run.
func (s *segmenter) push(p mixer.Packet) error {
	switch {
	case p.Codec == mixer.H264:
		return s.abandonOn(s.pushVideo(p))
	case p.Codec == mixer.AAC && len(p.Data) > 0:
		return s.abandonOn(s.pushAudio(p))
	}
	s.stats.dropped++
	return nil
}

// finish ends the run, if there is one, and writes a mark with the reason. It returns an error when
// writing failed.
func (s *segmenter) finish(reason footage.Reason) error {
	if !s.run.live {
		return nil
	}
	return s.abandonOn(s.finishRun(reason))
}

// abandonOn abandons the run if err is not nil, and returns err. Nearly all such errors come from the disk.
// A few come from fmp4, such as that for an invalid SPS.
func (s *segmenter) abandonOn(err error) error {
	if err == nil {
		return nil
	}
	s.stats.dropped += uint64(len(s.video) + len(s.audio))
	if s.file != nil {
		s.file.Abandon(footage.Disk)
	}
	s.reset()
	return err
}

// reset forgets the run and the samples that wait.
func (s *segmenter) reset() {
	s.run, s.file = run{}, nil
	s.video, s.audio = nil, nil
}

func (s *segmenter) pushVideo(p mixer.Packet) error {
	v, err := readAccessUnit(p.Data)
	if err != nil {
		s.stats.dropped++
		return nil
	}
	v.Time = fmp4.Ticks(s.epoch.Add(p.PTS), fmp4.VideoRate)
	v.duration = defaultDuration
	if p.Duration > 0 {
		v.duration = videoTicks(p.Duration)
	}
	if s.run.live && s.mustEndRun(v.Time) {
		if err := s.finishRun(footage.Unknown); err != nil {
			return err
		}
	}
	if !s.assignSets(v) || !s.fits(v) {
		s.stats.dropped++
		return nil
	}
	if !s.run.live {
		s.startRun(*v)
		return nil
	}
	v.cut = s.plan.cutBefore(v)
	s.video = append(s.video, *v)
	return s.advance(false)
}

// newestVideo returns the time of the run's newest video sample.
func (s *segmenter) newestVideo() int64 { return s.video[len(s.video)-1].Time }

// mustEndRun tells whether the run must end before a video sample with the time next. The reasons are a
// jump in time, or a segment that would get too long.
func (s *segmenter) mustEndRun(next int64) bool {
	d := next - s.newestVideo()
	return d > maxJump || d < -maxJump || next-s.plan.segmentStart > maxSegment
}

// assignSets remembers the parameter sets of v if v is a keyframe. A keyframe without SPS or PPS gets the
// sets of the keyframe before it. assignSets returns false for a keyframe that still has no sets.
func (s *segmenter) assignSets(v *videoSample) bool {
	if !v.Key {
		return true
	}
	if v.sets.SPS == nil || v.sets.PPS == nil {
		v.sets = s.sets
	}
	s.sets = v.sets
	return v.sets != nil
}

// fits tells whether v can be the next video sample. The first sample of a run must be a keyframe. The
// times of the samples of a run must rise.
func (s *segmenter) fits(v *videoSample) bool {
	if !s.run.live {
		return v.Key
	}
	return v.Time > s.newestVideo()
}

// startRun starts a run with the keyframe v.
func (s *segmenter) startRun(v videoSample) {
	s.run = run{live: true, start: v.Time}
	s.video = []videoSample{v}
	_, s.audio = splitAudio(s.audio, v.Time)
	if audioToVideo(s.audioEnd) > v.Time+maxJump {
		s.audio, s.audioEnd = nil, 0 // the video's time has gone back, and the audio's time will go back too
	}
	s.plan.startSegment(&v)
}
