package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// lostAfter is how old the newest picture of a source may get before its tile stops looking live.
const lostAfter = 2500 * time.Millisecond

// sourceConfig describes a source, and tells what the engine wants of it. The functions are called from the engine's
// goroutines and must not block.
type sourceConfig struct {
	mixer.SourceSpec
	Refresh  func()
	Demanded func(mixer.Demand)
	Delayed  func(time.Duration)
}

// source is one participant's media inside the engine. Packets may be written from any goroutine, those of one medium
// and layer from one goroutine at a time. Writing never blocks.
type source struct {
	id     mixer.SourceID
	cfg    sourceConfig
	engine *Engine
	slot   frameSlot
	stills stills
	video  *videoInput
	sound  *audioInput
	hidden atomic.Bool // video muted
	away   atomic.Bool // connection broken

	drawTrouble func(error)
	drawWell    func()

	mu   sync.Mutex
	uses map[*tile]use
}

// addSource makes a source: it has a tile from now on.
func (m *Engine) addSource(id mixer.SourceID, spec mixer.SourceSpec) {
	cfg := sourceConfig{
		SourceSpec: spec.WithDefaults(),
		Refresh:    func() { m.emit(mixer.KeyframeWanted{Source: id}) },
		Demanded:   func(d mixer.Demand) { m.emit(mixer.Demanded{Source: id, Demand: d}) },
		Delayed:    func(d time.Duration) { m.emit(mixer.Delayed{Source: id, Delay: d}) },
	}
	s := &source{id: id, cfg: cfg, engine: m, uses: map[*tile]use{}}
	log := m.log.With("source", cfg.Name)
	s.stills = stills{slot: &s.slot}
	s.drawTrouble, s.drawWell = newLogOnce(log, "tile")
	s.sound = newAudioInput(log)
	s.video = newVideoInput(videoInputConfig{
		layers: s.cfg.Layers, maxPixels: m.cfg.MaxPixels, log: log, slot: &s.slot, audio: s.sound, cutouts: s.stills.cutouts,
		requestKeyframe: s.cfg.Refresh, demanded: s.cfg.Demanded, delayed: s.cfg.Delayed,
	})
	m.insert(s)
}

// called tells whether that is the id or the name of the source.
func (s *source) called(name string) bool { return s.cfg.Called(name) }

// writeVideo takes one access unit. Layers that the source was not announced with are discarded.
func (s *source) writeVideo(layer int, p mixer.Packet) {
	if layer >= 0 && layer < s.cfg.Layers {
		s.video.enqueue(layer, p)
	}
}

// setMuted silences the sound and replaces the picture by a placeholder, until called otherwise. A picture that is
// muted is not decoded, and nobody asks for a large one.
func (s *source) setMuted(audio, video bool) {
	s.sound.muted.Store(audio)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden.Store(video)
	s.tellDemand()
}

// close ends the source's decoders and waits for them. The engine has taken it out before.
func (s *source) close() {
	s.video.close()
	s.sound.close()
	s.slot.Clear()
}

// state is what the tile shows at a moment, and the age of the newest picture (zero before the first).
func (s *source) state(now time.Time) (state mixer.State, age time.Duration) {
	seq, at := s.slot.Mark()
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

// sends tells whether pictures come that may be shown, decoded or not.
func (s *source) sends(now time.Time) bool {
	_, at := s.slot.Mark()
	return !s.away.Load() && !s.hidden.Load() && !at.IsZero() && now.Sub(at) <= lostAfter
}

// use is what one tile makes of a source.
type use struct {
	w, h   int  // of the tile, zero for none
	fill   bool // the picture is cropped to the tile's shape instead of fitted into it
	decode bool // the picture is composed; false: packets are passed on
}

// scale is by what a picture of that size is enlarged.
func (u use) scale(picture mixer.Size) float64 {
	x, y := float64(u.w)/float64(picture.W), float64(u.h)/float64(picture.H)
	if u.fill {
		return max(x, y)
	}
	return min(x, y)
}

// demand notes what t makes of the source from now on.
func (s *source) demand(t *tile, u use) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u == (use{}) {
		delete(s.uses, t)
	} else {
		s.uses[t] = u
	}
	s.tellDemand()
}

// tellDemand sums up what all tiles make of the source, under mu.
func (s *source) tellDemand() {
	var all use
	for _, u := range s.uses {
		all.decode = all.decode || u.decode
		all.fill = all.fill || u.fill                   // shows the more of its detail
		all.w, all.h = max(all.w, u.w), max(all.h, u.h) // of tiles of different shapes one may need the width, one the height
	}
	if s.hidden.Load() {
		all = use{}
	}
	s.video.demand(all)
}

// stats returns a snapshot.
func (s *source) stats() mixer.SourceStats {
	state, age := s.state(time.Now())
	v := s.video.stats()
	v.Source, v.ID, v.Name, v.State, v.Age = s.id, s.cfg.ID, s.cfg.Name, state, age
	v.AudioCodec, v.Level = s.sound.describe()
	v.Speaking = s.speaking()
	v.Invalid += s.sound.invalid.Load()
	return v
}

// newLogOnce returns a function that logs the first trouble of a spell at warn level and the recovery at info
// level. Both may be called from any goroutine.
func newLogOnce(log *slog.Logger, what string) (trouble func(error), well func()) {
	var bad atomic.Bool
	return func(err error) {
			if !bad.Swap(true) {
				log.Warn(what+" broken", "error", err)
			}
		}, func() {
			if bad.Load() && bad.Swap(false) {
				log.Info(what + " recovered")
			}
		}
}
