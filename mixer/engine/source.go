package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// lostAfter is the age of a source's newest frame after which a placeholder replaces it.
const lostAfter = 2500 * time.Millisecond

// sourceConfig describes a source. The functions are called from the engine's goroutines and must not block.
type sourceConfig struct {
	mixer.SourceSpec
	RequestKeyframe func() // of the sender
	Demanded        func(mixer.Demand)
	Delayed         func(time.Duration)
}

// source is the media of one participant. Packets may be written from any goroutine, those of one medium and layer from
// one goroutine at a time. Writing never blocks.
type source struct {
	id     mixer.SourceID
	cfg    sourceConfig
	engine *Engine
	slot   frameSlot
	stills stills
	video  *videoInput
	audio  *audioInput
	hidden atomic.Bool // video muted
	away   atomic.Bool // connection broken

	drawFailure  func(error)
	drawRecovery func()

	mu   sync.Mutex
	uses map[*tile]videoUse
}

// addSource makes a source: it has a tile from now on.
func (m *Engine) addSource(id mixer.SourceID, spec mixer.SourceSpec) {
	cfg := sourceConfig{
		SourceSpec:      spec.WithDefaults(),
		RequestKeyframe: func() { m.emit(mixer.KeyframeWanted{Source: id}) },
		Demanded:        func(d mixer.Demand) { m.emit(mixer.Demanded{Source: id, Demand: d}) },
		Delayed:         func(d time.Duration) { m.emit(mixer.Delayed{Source: id, Delay: d}) },
	}
	s := &source{id: id, cfg: cfg, engine: m, uses: map[*tile]videoUse{}}
	log := m.log.With("source", cfg.Name)
	s.stills = stills{slot: &s.slot}
	s.drawFailure, s.drawRecovery = newFailureLog(log, "tile")
	s.audio = newAudioInput(log)
	s.video = newVideoInput(videoInputConfig{
		layers: s.cfg.Layers, maxPixels: m.cfg.MaxPixels, log: log, slot: &s.slot, audio: s.audio, cutouts: s.stills.cutouts,
		requestKeyframe: s.cfg.RequestKeyframe, demanded: s.cfg.Demanded, delayed: s.cfg.Delayed,
	})
	m.insert(s)
}

// called reports whether name is the id or the name of the source.
func (s *source) called(name string) bool { return s.cfg.Called(name) }

// writeVideo queues one access unit for the decoder. Access units of layers that the source does not have are discarded.
func (s *source) writeVideo(layer int, p mixer.Packet) {
	if layer >= 0 && layer < s.cfg.Layers {
		s.video.enqueue(layer, p)
	}
}

// setMuted mutes or unmutes the audio and the video. A placeholder replaces muted video. Muted video is not decoded, and
// its demand is zero.
func (s *source) setMuted(audio, video bool) {
	s.audio.muted.Store(audio)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden.Store(video)
	s.updateDemand()
}

// close stops the source's decoders and waits for them. The engine has removed the source from its list before.
func (s *source) close() {
	s.video.close()
	s.audio.close()
	s.slot.clear()
}

// state returns the state at now, and the age of the newest frame. The age is zero before the first frame.
func (s *source) state(now time.Time) (state mixer.State, age time.Duration) {
	seq, at := s.slot.status()
	if !at.IsZero() {
		age = now.Sub(at)
	}
	switch {
	case s.away.Load():
		return mixer.Reconnecting, age
	case s.hidden.Load():
		return mixer.Muted, age
	case at.IsZero():
		return mixer.Connecting, 0
	case age > lostAfter:
		return mixer.Lost, age
	case seq == 0 && s.video.demanded():
		return mixer.Connecting, age
	}
	return mixer.Live, age
}

// sends reports whether the source is live: it sends video that may be shown. The video need not be decoded.
func (s *source) sends(now time.Time) bool {
	_, at := s.slot.status()
	return !s.away.Load() && !s.hidden.Load() && !at.IsZero() && now.Sub(at) <= lostAfter
}

// videoUse describes how one tile, or all tiles together, use the video of a source.
type videoUse struct {
	w, h   int  // of the tile, zero for none
	fill   bool // frames are cropped to the aspect ratio of the tile instead of fitted into it
	decode bool // the view is composed; false: packets are passed through
}

// scale is the factor by which a frame of that size is enlarged.
func (u videoUse) scale(frame mixer.Size) float64 {
	x, y := float64(u.w)/float64(frame.W), float64(u.h)/float64(frame.H)
	if u.fill {
		return max(x, y)
	}
	return min(x, y)
}

// demand sets how tile t uses the source from now on. The zero use removes t.
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

// updateDemand combines the uses of all tiles, and passes the result to the video input. s.mu is held.
func (s *source) updateDemand() {
	var all videoUse
	for _, u := range s.uses {
		all.decode = all.decode || u.decode
		all.fill = all.fill || u.fill                   // a cropped frame is shown at a larger scale
		all.w, all.h = max(all.w, u.w), max(all.h, u.h) // the widest tile and the highest one may be different tiles
	}
	if s.hidden.Load() {
		all = videoUse{}
	}
	s.video.demand(all)
}

// stats returns a snapshot.
func (s *source) stats() mixer.SourceStats {
	state, age := s.state(time.Now())
	v := s.video.stats()
	v.Source, v.ID, v.Name, v.State, v.Age = s.id, s.cfg.ID, s.cfg.Name, state, age
	v.AudioCodec, v.Level = s.audio.status()
	v.Speaking = s.speaking()
	v.Invalid += s.audio.invalid.Load()
	return v
}

// newFailureLog returns two functions. failure logs only the first of consecutive failures, at warn level. recovery logs
// the first success after a failure, at info level. Both may be called from any goroutine.
func newFailureLog(log *slog.Logger, object string) (failure func(error), recovery func()) {
	var bad atomic.Bool
	return func(err error) {
			if !bad.Swap(true) {
				log.Warn(object+" broken", "error", err)
			}
		}, func() {
			if bad.Load() && bad.Swap(false) {
				log.Info(object + " recovered")
			}
		}
}
