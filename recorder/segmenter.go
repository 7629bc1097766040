package recorder

import (
	"time"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
)

// segmenter turns packets into parts and segments of the spool. One goroutine uses it.
//
// A cut is planned when its video sample arrives. It is done when the audio before it has arrived
// too, or is late. Until then samples wait in video and audio. All decisions follow media time and
// none a timer.
type segmenter struct {
	spool *spool.Spool
	epoch time.Time

	video    []videoSample       // not written yet; never empty in a run
	audio    []fmp4.Sample       // not written yet
	sets     *fmp4.ParameterSets // of the newest keyframe
	plan     cutPlan
	hasAudio bool  // audio has arrived once: the recording has an audio track
	audioEnd int64 // end of the newest audio, audio ticks; zero before the first

	run   run
	name  footage.Name // of the newest segment; Room and Stream never change
	file  *spool.File  // nil before the first part of a segment
	stats segmenterStats
}

// run is the state that the segments of a run share.
type run struct {
	start int64  // of its first video sample, video ticks; earlier audio is left out
	live  bool   // false while the segmenter waits for a keyframe
	init  string // hash of the init segment; empty before the first part
	audio bool   // the init segment has an audio track
	parts uint32
}

type segmenterStats struct {
	durable                        time.Time
	runs, segments, bytes, dropped uint64
}

// In video ticks, unless said otherwise.
const (
	boundaryTolerance = fmp4.VideoRate / 1000 // a keyframe this early is on the boundary: rounding
	maxJump           = 5 * fmp4.VideoRate    // a longer pause ends the run
	maxSegment        = int64(footage.MaxSegment/time.Second)*fmp4.VideoRate - maxJump
	audioWait         = fmp4.VideoRate / 2   // a cut waits this long for its audio
	audioTolerance    = fmp4.AudioRate / 100 // audio ticks: a smaller offset is removed
	defaultLasts      = fmp4.VideoRate / 25  // duration of a run's last video sample if it has none
)

// videoTicks is d in ticks of video time.
func videoTicks(d time.Duration) int64 { return int64(d * fmp4.VideoRate / time.Second) }

// push adds one packet. A packet that cannot be recorded is counted as dropped. An error means that
// the disk failed: the run is over, its whole parts are kept, and the next keyframe starts a new
// run.
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

// finish ends the run, if there is one, and marks its end with the reason. Its error is that of push.
func (s *segmenter) finish(reason footage.Reason) error {
	if !s.run.live {
		return nil
	}
	return s.abandonOn(s.finishRun(reason))
}

// abandonOn abandons the run if err is an error, and returns it. The disk is its only cause.
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
	v.lasts = defaultLasts
	if p.Duration > 0 {
		v.lasts = videoTicks(p.Duration)
	}
	if s.run.live && s.jumps(v.Time) {
		if err := s.finishRun(footage.Unknown); err != nil {
			return err
		}
	}
	if !s.assignSets(v) || !s.continues(v) {
		s.stats.dropped++
		return nil
	}
	if !s.run.live {
		s.startRun(*v)
		return nil
	}
	v.cut = s.plan.next(v)
	s.video = append(s.video, *v)
	return s.advance(false)
}

// newestVideo is the time of the newest video sample of the run.
func (s *segmenter) newestVideo() int64 { return s.video[len(s.video)-1].Time }

// jumps tells whether a video sample at that time must not follow in the run.
func (s *segmenter) jumps(at int64) bool {
	d := at - s.newestVideo()
	return d > maxJump || d < -maxJump || at-s.plan.segmentStart > maxSegment
}

// assignSets remembers the parameter sets of a keyframe. A keyframe without any gets those of the
// keyframe before it; false when there are none.
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

// continues tells whether v can be the next sample: a run starts with a keyframe and its time
// increases.
func (s *segmenter) continues(v *videoSample) bool {
	if !s.run.live {
		return v.Key
	}
	return v.Time > s.newestVideo()
}

// startRun starts a run at a keyframe.
func (s *segmenter) startRun(v videoSample) {
	s.run = run{live: true, start: v.Time}
	s.video = []videoSample{v}
	_, s.audio = splitAudio(s.audio, v.Time)
	if onVideo(s.audioEnd) > v.Time+maxJump {
		s.audio, s.audioEnd = nil, 0 // the source's clock has gone back; the audio will follow
	}
	s.plan.startSegment(&v)
}
