package engine

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// lostAfter is how old the newest picture of a source may get before its tile stops looking live.
const lostAfter = 2500 * time.Millisecond

// SourceConfig says what a new source is.
type SourceConfig struct {
	ID     string // for layouts; the name when empty
	Name   string // what the tile says
	Place  int    // tiles are ordered by it; sources of the same place by age
	Screen bool   // a shared screen: never cropped
	// Layers is how many versions of its picture the source may be put (simulcast, sub-streams); zero means one.
	// Layer 0 is the largest.
	Layers int
	// Refresh asks the sender for a key picture, at most once a second; Demanded is told what the pictures are
	// used for when that changes. Both may be nil; both are called from the mixer's goroutines and must not block.
	Refresh  func()
	Demanded func(mixer.Demand)
}

func (c SourceConfig) withDefaults() SourceConfig {
	if c.ID == "" {
		c.ID = c.Name
	}
	if c.Layers < 1 {
		c.Layers = 1
	}
	if c.Refresh == nil {
		c.Refresh = func() {}
	}
	if c.Demanded == nil {
		c.Demanded = func(mixer.Demand) {}
	}
	return c
}

// Source is one participant's media inside the mixer. Packets may be put from any goroutine, those of one
// medium and layer from one goroutine at a time. It never blocks whoever puts.
type Source struct {
	cfg    SourceConfig
	mixer  *Mixer
	slot   Slot
	stills stills
	video  *videoInput
	sound  *audioInput
	hidden atomic.Bool // picture muted
	away   atomic.Bool // connection broken

	drawTrouble func(error)
	drawWell    func()

	mu   sync.Mutex
	uses map[*tile]use
	taps []*picture // that pass the packets on
}

// AddSource begins a source: it has a tile from now on. The caller closes it.
func (m *Mixer) AddSource(cfg SourceConfig) *Source {
	s := &Source{cfg: cfg.withDefaults(), mixer: m, uses: map[*tile]use{}}
	log := m.log.With("source", cfg.Name)
	s.stills = stills{slot: &s.slot}
	s.drawTrouble, s.drawWell = newLogOnce(log, "tile")
	s.sound = newAudioInput(log)
	s.video = newVideoInput(videoInputConfig{
		layers: s.cfg.Layers, maxPixels: m.cfg.MaxPixels, log: log, slot: &s.slot, audio: s.sound, cutouts: s.stills.cutouts,
		requestKeyframe: s.cfg.Refresh, demanded: s.cfg.Demanded, share: s.share,
	})
	m.insert(s)
	return s
}

// Name is what the tile says.
func (s *Source) Name() string { return s.cfg.Name }

// called tells whether that is the id or the name of the source.
func (s *Source) called(name string) bool { return name == s.cfg.ID || name == s.cfg.Name }

// PutVideo takes one picture packet of any format; the format may change at a key packet.
func (s *Source) PutVideo(p mixer.Packet) { s.video.enqueue(0, p) }

// PutLayer is PutVideo for one of several versions of the picture; layer 0 is the largest. Each may be put
// from a goroutine of its own. Layers that the source was not announced with are thrown away.
func (s *Source) PutLayer(layer int, p mixer.Packet) {
	if layer >= 0 && layer < s.cfg.Layers {
		s.video.enqueue(layer, p)
	}
}

// PutAudio takes one sound packet of any format.
func (s *Source) PutAudio(p mixer.Packet) { s.sound.enqueue(p) }

// SetMuted silences the sound and replaces the picture by a placeholder, until called otherwise. A picture that is
// muted is not decoded, and nobody asks for a large one.
func (s *Source) SetMuted(audio, video bool) {
	s.sound.muted.Store(audio)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden.Store(video)
	s.tellDemand()
}

// SetAway tells that the participant's connection broke and may come back.
func (s *Source) SetAway(away bool) { s.away.Store(away) }

// Close ends the source: its tile goes, its decoders are freed. It waits for them and may be called twice.
func (s *Source) Close() {
	if s == nil || !s.mixer.remove(s) {
		return
	}
	s.video.close()
	s.sound.close()
	s.slot.Clear()
}

// state is what the tile shows at a moment, and the age of the newest picture (zero before the first).
func (s *Source) state(now time.Time) (state mixer.State, age time.Duration) {
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
func (s *Source) sends(now time.Time) bool {
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
func (s *Source) demand(t *tile, u use) {
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
func (s *Source) tellDemand() {
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

// tap gives r the packets of the source from now on; untap ends that. Both do nothing for a nil source.
func (s *Source) tap(r *picture) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(slices.Clone(s.taps), r)
}

func (s *Source) untap(r *picture) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = slices.DeleteFunc(slices.Clone(s.taps), func(o *picture) bool { return o == r })
}

// share gives p to those who pass it on.
func (s *Source) share(p layerPacket) {
	s.mu.Lock()
	taps := s.taps
	s.mu.Unlock()
	for _, r := range taps {
		r.relayed(relayed{s, p})
	}
}

// Stats returns a snapshot.
func (s *Source) Stats() mixer.SourceStats {
	state, age := s.state(time.Now())
	v := s.video.stats()
	v.ID, v.Name, v.State, v.Age = s.cfg.ID, s.cfg.Name, state, age
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
