package recorder

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/spool"
)

// segmenter turns packets into parts and segments of the spool. One goroutine uses it.
//
// What a picture ends is planned when it comes, and done when the sound up to it has come too,
// or is late: until then samples wait in video and audio. All decisions follow media time, none
// a timer.
type segmenter struct {
	spool         *spool.Spool
	epoch         time.Time
	segment, part int64 // in video ticks

	video, audio []sample   // what is not written yet; video is never empty in a run
	sets         *paramSets // of the newest keyframe
	plan         plan
	sounding     bool  // sound has come once: the recording has sound
	audioNext    int64 // where the newest sound ends; zero before the first

	run   run
	name  spool.Name  // of the newest segment; Room and Stream never change
	file  *spool.File // nil before the first part of a segment
	stats segmenterStats
}

// run is what the segments of a run share.
type run struct {
	start int64  // of the first picture, video ticks: sound before it is left out
	live  bool   // false: waiting for a keyframe
	init  string // hash; empty before the first part
	sound bool
	parts uint32
}

// plan says where the segment and the part of the newest picture begin, and after what time the
// next segment may.
type plan struct {
	segment, part, boundary int64
	sets                    *paramSets
}

// sharedRate divides both rates: ticks since 1970 times a whole rate overflow in 2037.
const sharedRate = 6000

// onVideo is a sound's time in video ticks, rounded down.
func onVideo(audio int64) int64 { return audio * (videoRate / sharedRate) / (audioRate / sharedRate) }

type segmenterStats struct {
	durable                        time.Time
	runs, segments, bytes, dropped uint64
}

type cut uint8

const (
	noCut cut = iota
	partCut
	segmentCut
)

// In video ticks, unless said otherwise.
const (
	slack      = videoRate / 1000 // a keyframe this early is on the boundary: rounding
	maxJump    = 5 * videoRate    // a pause longer than this ends the run
	maxSegment = int64(spool.MaxSegment/time.Second)*videoRate - maxJump
	soundWait  = videoRate / 2   // a cut waits so long for its sound
	soundSlack = audioRate / 100 // audio ticks: sound this far off its place is in its place
	frameGuess = videoRate / 25  // the last picture's length where nobody knows it
)

// push takes one packet. Packets that cannot be recorded are counted as dropped. An error means
// that the disk failed: the run is over, its whole parts are kept, and the next keyframe begins
// a new one.
func (s *segmenter) push(p mixer.Packet) error {
	switch {
	case p.Codec == mixer.H264:
		return s.guard(s.pushVideo(p))
	case p.Codec == mixer.AAC && len(p.Data) > 0:
		return s.guard(s.pushAudio(p))
	}
	s.stats.dropped++
	return nil
}

// end finishes the run, if there is one, and notes why.
func (s *segmenter) end(reason spool.Reason) error {
	if !s.run.live {
		return nil
	}
	return s.guard(s.finishRun(reason))
}

// guard gives the run up when err tells that the disk failed.
func (s *segmenter) guard(err error) error {
	if err == nil {
		return nil
	}
	s.stats.dropped += uint64(len(s.video) + len(s.audio))
	if s.file != nil {
		s.file.Abandon(spool.Disk)
	}
	s.reset()
	return err
}

func (s *segmenter) reset() {
	s.run, s.file = run{}, nil
	s.video, s.audio = nil, nil
}

func (s *segmenter) pushVideo(p mixer.Packet) error {
	v, err := videoSample(p.Data)
	if err != nil {
		s.stats.dropped++
		return nil
	}
	v.at = ticksOf(s.epoch.Add(p.PTS), videoRate)
	v.lasts = frameGuess
	if p.Duration > 0 {
		v.lasts = ticksIn(p.Duration)
	}
	if s.run.live && s.jumps(v.at) {
		if err := s.finishRun(spool.Unknown); err != nil {
			return err
		}
	}
	if !s.learn(v) || !s.follows(v) {
		s.stats.dropped++
		return nil
	}
	if !s.run.live {
		s.begin(*v)
		return nil
	}
	v.cut = s.planned(v)
	s.video = append(s.video, *v)
	return s.advance(false)
}

func (s *segmenter) newest() int64 { return s.video[len(s.video)-1].at }

// jumps tells whether the run cannot go on with a picture at that time.
func (s *segmenter) jumps(at int64) bool {
	d := at - s.newest()
	return d > maxJump || d < -maxJump || at-s.plan.segment > maxSegment
}

// learn keeps a keyframe's parameter sets, or lends it the known ones; false when there are none.
func (s *segmenter) learn(v *sample) bool {
	if !v.key {
		return true
	}
	if v.sets.sps == nil || v.sets.pps == nil {
		v.sets = s.sets
	}
	s.sets = v.sets
	return v.sets != nil
}

// follows tells whether a picture can come next: a run begins with a keyframe and goes forward.
func (s *segmenter) follows(v *sample) bool {
	if !s.run.live {
		return v.key
	}
	return v.at > s.newest()
}

// begin starts a run at a keyframe.
func (s *segmenter) begin(v sample) {
	s.run = run{live: true, start: v.at}
	s.video = []sample{v}
	_, s.audio = splitSound(s.audio, v.at)
	if onVideo(s.audioNext) > v.at+maxJump {
		s.audio, s.audioNext = nil, 0 // the clock began anew; the sound will follow
	}
	s.plan = s.planFrom(&v)
}

// planFrom plans the segment that begins with v, until the next multiple of its length on the
// wall clock.
func (s *segmenter) planFrom(v *sample) plan {
	boundary := (v.at+slack)/s.segment*s.segment + s.segment
	return plan{segment: v.at, part: v.at, boundary: boundary, sets: v.sets}
}

// planned says what the newest picture ends, and moves the plan on.
func (s *segmenter) planned(v *sample) cut {
	switch {
	case v.key && (v.at+slack >= s.plan.boundary || !v.sets.same(s.plan.sets)):
		s.plan = s.planFrom(v)
		return segmentCut
	case v.at+slack >= s.plan.part+s.part:
		s.plan.part = v.at
		return partCut
	}
	return noCut
}

// pushAudio puts sound in its place: the end of the sound before it, unless it is further off.
func (s *segmenter) pushAudio(p mixer.Packet) error {
	at := ticksOf(s.epoch.Add(p.PTS), audioRate)
	s.sounding = true
	switch d := at - s.audioNext; {
	case s.audioNext != 0 && d >= -soundSlack && d <= soundSlack:
		at = s.audioNext
	case d < -maxJump*audioRate/videoRate: // its clock began anew
		if err := s.finishIfLive(); err != nil {
			return err
		}
		s.audio = nil
	case d < 0:
		s.stats.dropped++
		return nil
	}
	s.audioNext = at + aacSamples
	if !s.run.live || onVideo(at) >= s.run.start {
		s.audio = append(s.audio, sample{at: at, data: p.Data})
	}
	return s.heard(at)
}

// heard keeps the queues short when only sound comes.
func (s *segmenter) heard(at int64) error {
	now := onVideo(at)
	if !s.run.live {
		_, s.audio = splitSound(s.audio, now-maxJump)
		return nil
	}
	if now-s.newest() > maxJump {
		return s.finishRun(spool.Unknown)
	}
	return s.advance(false)
}

// soundReached tells whether the sound before a picture at that time is there, or late.
func (s *segmenter) soundReached(at int64) bool {
	silent := s.run.init != "" && !s.run.sound
	return silent || onVideo(s.audioNext) >= at || s.newest()-at >= soundWait
}

// splitSound splits before the first sound at or after a video time.
func splitSound(audio []sample, at int64) (before, after []sample) {
	i := slices.IndexFunc(audio, func(a sample) bool { return onVideo(a.at) >= at })
	if i < 0 {
		return audio, nil
	}
	return audio[:i:i], audio[i:]
}

// advance does the planned cuts whose sound is there; all of them when forced.
func (s *segmenter) advance(force bool) error {
	for {
		i := slices.IndexFunc(s.video, func(v sample) bool { return v.cut != noCut })
		if i < 0 || (!force && !s.soundReached(s.video[i].at)) {
			return nil
		}
		end, kind := s.video[i].at, s.video[i].cut
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

// writePart writes the first n pictures, the last of which lasts until end, and their sound.
func (s *segmenter) writePart(n int, end int64) error {
	if s.file == nil {
		if err := s.open(&s.video[0]); err != nil {
			return err
		}
	}
	sound, rest := splitSound(s.audio, end)
	if !s.run.sound {
		s.stats.dropped += uint64(len(sound)) // it came after the segment's init was written
		sound = nil
	}
	s.run.parts++
	part, err := marshalPart(s.run.parts, s.video[:n], sound, end)
	if err != nil {
		return err
	}
	if err := s.file.Append(part); err != nil {
		return err
	}
	s.video, s.audio = slices.Clone(s.video[n:]), slices.Clone(rest)
	s.stats.durable, s.stats.bytes = wallOf(end), s.stats.bytes+uint64(len(part))
	return nil
}

// open creates the segment that begins with a keyframe. It begins another run when it needs
// another init segment than the one before.
func (s *segmenter) open(first *sample) error {
	init, hash, err := marshalInit(first.sets, s.sounding)
	if err != nil {
		return err
	}
	s.name.Seq++
	if hash != s.run.init {
		s.run = run{live: true, init: hash, sound: s.sounding}
		s.name.Init, s.name.Nonce, s.name.Seq = hash, nonce(s.name.Nonce), 0
		s.stats.runs++
	}
	s.name.Start = wallOf(first.at)
	s.file, err = s.spool.Create(s.name, init)
	return err
}

// nonce is four hex digits, other than the last ones.
func nonce(last string) string {
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := hex.EncodeToString(b[:]); n != last {
			return n
		}
	}
}

func (s *segmenter) finishSegment(end int64) error {
	if err := s.file.Finish(wallOf(end)); err != nil {
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
	return s.finishRun(spool.Unknown)
}

// finishRun writes all that waits and marks why nothing follows.
func (s *segmenter) finishRun(reason spool.Reason) error {
	if err := s.advance(true); err != nil {
		return err
	}
	last := s.video[len(s.video)-1]
	end := last.at + last.lasts
	if err := s.writePart(len(s.video), end); err != nil {
		return err
	}
	if err := s.finishSegment(end); err != nil {
		return err
	}
	mark := s.name
	mark.Start, mark.Seq, mark.Reason = wallOf(end), mark.Seq+1, reason
	rest := s.audio
	s.reset()
	s.audio = rest // it may belong to the next run
	return s.spool.Mark(mark)
}
