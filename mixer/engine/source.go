package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// sourceConfig describes a source. Its functions must not block. Any goroutine of the engine may call them.
type sourceConfig struct {
	mixer.SourceSpec
	RequestKeyframe func()              // asks the sender for a keyframe
	Demanded        func(mixer.Demand)  // gets each new demand for the video
	Delayed         func(time.Duration) // gets each new delay of lip sync
}

// source is the media of one participant. Any goroutine may write packets. But only one goroutine at a time may write the video
// packets of one layer, and only one at a time may write audio packets. Writing never blocks.
type source struct {
	id     mixer.SourceID
	cfg    sourceConfig
	engine *Engine
	slot   frameSlot
	stills stills
	video  *videoInput
	audio  *audioInput
	away   atomic.Bool // the connection is broken and its place is kept

	videoMuted atomic.Bool
	added      time.Time                     // when the source was added
	reported   atomic.Pointer[mixer.Trouble] // what the sender's side reported last; nil: nothing
	undrawable atomic.Pointer[string]        // why tiles cannot draw the video; nil: they can

	drawFailure  func(error) // logs that a tile could not draw the video, see newFailureLog
	drawRecovery func()      // logs that tiles can draw the video again

	mu   sync.Mutex
	uses map[*tile]videoUse // how each tile uses the video

	conditionMu sync.Mutex
	announced   mixer.Condition // the condition that was emitted last; zero before the first
}

// addSource adds a source. Views show the source from their next tick on.
func (m *Engine) addSource(id mixer.SourceID, spec mixer.SourceSpec) {
	cfg := sourceConfig{
		SourceSpec:      spec.WithDefaults(),
		RequestKeyframe: func() { m.emit(mixer.KeyframeWanted{Source: id}) },
		Demanded:        func(d mixer.Demand) { m.emit(mixer.Demanded{Source: id, Demand: d}) },
		Delayed:         func(d time.Duration) { m.emit(mixer.Delayed{Source: id, Delay: d}) },
	}
	s := &source{
		id: id, cfg: cfg, engine: m, slot: frameSlot{frozenAfter: cfg.FrozenAfter}, uses: map[*tile]videoUse{}, added: time.Now(),
	}
	log := m.log.With("source", cfg.Name)
	s.stills = stills{slot: &s.slot}
	s.drawFailure, s.drawRecovery = newFailureLog(log, "tile")
	s.audio = newAudioInput(log)
	s.video = newVideoInput(videoInputConfig{
		layers: s.cfg.Layers, maxPixels: m.cfg.MaxPixels, log: log, slot: &s.slot, audio: s.audio, cutouts: s.stills.cutouts,
		requestKeyframe: s.cfg.RequestKeyframe, demanded: s.cfg.Demanded, delayed: s.cfg.Delayed,
	})
	s.announce(s.added)
	m.insert(s)
}

// called reports whether the source has the given id or name.
func (s *source) called(name string) bool { return s.cfg.Called(name) }

// writeVideo queues one access unit of a layer for the decoder. Access units of layers that the source does not have are
// discarded.
func (s *source) writeVideo(layer int, p mixer.Packet) {
	if layer >= 0 && layer < s.cfg.Layers {
		s.video.enqueue(layer, p)
	}
}

// setMuted mutes or unmutes the audio and the video. Muted video is not decoded, and its demand is zero. A placeholder
// replaces it on tiles.
func (s *source) setMuted(audio, video bool) {
	s.audio.muted.Store(audio)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.videoMuted.Store(video)
	s.updateDemand()
}

// close stops the source's decoders and waits for them. The engine must have removed the source from its list.
func (s *source) close() {
	s.video.close()
	s.audio.close()
	s.slot.clear()
}

// drawFailed records that a tile could not draw the video.
func (s *source) drawFailed(err error) {
	text := err.Error()
	s.undrawable.Store(&text)
	s.drawFailure(err)
}

// drawn records that a tile has drawn the video.
func (s *source) drawn() {
	s.undrawable.Store(nil)
	s.drawRecovery()
}

// sends reports whether the source sends video that may be shown: video has come, the source is not lost, its video is not muted,
// and the source is not away. The result does not depend on whether the video is decoded.
func (s *source) sends(now time.Time) bool {
	e := s.evidence(now)
	return !e.away && !e.muted && e.age <= e.lostAfter()
}

// keepLast is how long the last frame of a lost source is shown. Within this time, most cameras and networks are back, and the
// frame still tells something. An older frame tells less than it may mislead.
const keepLast = time.Minute

// showsFrame reports whether tiles show the newest frame of the source in the given state. age is how old the video is.
func (s *source) showsFrame(state mixer.State, age time.Duration) bool {
	switch state {
	case mixer.Live, mixer.Frozen:
		return true
	case mixer.Lost:
		return age <= s.slot.snapshot().patience+keepLast
	}
	return false
}

// videoUse describes how the video of a source is used, by one tile or by all tiles together.
type videoUse struct {
	w, h   int  // size of the tile in pixels; zero: no tile
	fill   bool // frames are cropped to the aspect ratio of the tile, not fitted into it
	decode bool // a view composes the video; false: no tile shows it, or its packets are passed through
}

// scale returns the factor by which a frame of the given size is scaled for the tile. A factor above 1 enlarges the frame.
func (u videoUse) scale(frame mixer.Size) float64 {
	x, y := float64(u.w)/float64(frame.W), float64(u.h)/float64(frame.H)
	if u.fill {
		return max(x, y)
	}
	return min(x, y)
}

// demand sets how tile t uses the video from now on. The zero videoUse ends the use by t.
func (s *source) demand(t *tile, u videoUse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u == (videoUse{}) {
		delete(s.uses, t)
	} else {
		s.uses[t] = u
	}
	s.updateDemand()
}

// updateDemand combines the uses of all tiles and passes the result to the video input. The caller must hold s.mu.
func (s *source) updateDemand() {
	var all videoUse
	for _, u := range s.uses {
		all.decode = all.decode || u.decode
		all.fill = all.fill || u.fill                   // cropped frames are enlarged more than fitted ones
		all.w, all.h = max(all.w, u.w), max(all.h, u.h) // the greatest width and the greatest height may be those of different tiles
	}
	if s.videoMuted.Load() {
		all = videoUse{}
	}
	s.video.demand(all)
}

// stats returns a snapshot of the source's statistics.
func (s *source) stats() mixer.SourceStats {
	now := time.Now()
	c, _ := s.condition(now)
	v := s.video.stats()
	v.Source, v.ID, v.Name = s.id, s.cfg.ID, s.cfg.Name
	if _, last := s.slot.status(); !last.IsZero() {
		v.Age = now.Sub(last)
	}
	v.State, v.Reason, v.Detail, v.Since = c.State, c.Reason, c.Detail, c.Since
	v.AudioCodec, v.Level = s.audio.status()
	v.Speaking = s.speaking()
	v.Invalid += s.audio.invalid.Load()
	return v
}

// newFailureLog returns two functions that log when object stops and starts to work. failure must be called for each failure.
// It logs the first of consecutive failures, at warn level. recovery must be called for each success. It logs the first
// success after a failure, at info level. Both may be called from any goroutine.
func newFailureLog(log *slog.Logger, object string) (failure func(error), recovery func()) {
	var failing atomic.Bool
	return func(err error) {
			if !failing.Swap(true) {
				log.Warn(object+" broken", "error", err)
			}
		}, func() {
			if failing.Load() && failing.Swap(false) {
				log.Info(object + " recovered")
			}
		}
}
