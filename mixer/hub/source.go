package hub

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// SourceConfig says what a new source is, and who is told about it. Both functions may be nil. They are called from
// the engine's goroutines and must not block.
type SourceConfig struct {
	mixer.SourceSpec
	KeyframeWanted func()             // the sender is to make a keyframe; at most once a second
	Demanded       func(mixer.Demand) // the use of the video has changed
}

// Source is one participant's media on their way into the engine. Packets may be written from any goroutine, those of
// one medium and layer from one goroutine at a time. No method blocks.
type Source struct {
	hub   *Hub
	id    mixer.SourceID
	cfg   SourceConfig
	delay atomic.Int64 // by which the engine holds the video, in nanoseconds

	mu        sync.Mutex
	taps      []*Tap // replaced, never changed
	now, next int    // the layers that are in use and wanted
}

// AddSource makes a source: it has a tile from now on. The caller closes it.
func (h *Hub) AddSource(cfg SourceConfig) *Source {
	cfg.SourceSpec = cfg.WithDefaults()
	if cfg.KeyframeWanted == nil {
		cfg.KeyframeWanted = func() {}
	}
	if cfg.Demanded == nil {
		cfg.Demanded = func(mixer.Demand) {}
	}
	s := &Source{hub: h, id: mixer.SourceID(h.ids.Add(1)), cfg: cfg, now: cfg.Layers - 1, next: cfg.Layers - 1}
	h.mu.Lock()
	h.sources[s.id] = s
	h.mu.Unlock()
	h.engine.Send(mixer.AddSource{Source: s.id, Spec: cfg.SourceSpec})
	return s
}

// ID is the source's number; zero for a nil source.
func (s *Source) ID() mixer.SourceID {
	if s == nil {
		return 0
	}
	return s.id
}

// WriteVideo takes one access unit of any codec; the codec may change at a keyframe. Layer 0 is the largest. Layers that
// the source was not announced with are discarded.
func (s *Source) WriteVideo(layer int, p mixer.Packet) {
	if layer < 0 || layer >= s.cfg.Layers {
		return
	}
	s.feed(layer, p)
	s.hub.engine.Send(mixer.WriteVideo{Source: s.id, Layer: layer, Packet: p})
}

// WriteAudio takes one audio frame of any codec.
func (s *Source) WriteAudio(p mixer.Packet) {
	s.hub.engine.Send(mixer.WriteAudio{Source: s.id, Packet: p})
}

// SetMuted silences the audio and replaces the video by a placeholder, until called otherwise.
func (s *Source) SetMuted(audio, video bool) {
	s.hub.engine.Send(mixer.MuteSource{Source: s.id, Audio: audio, Video: video})
}

// SetAway says that the participant's connection broke and may come back.
func (s *Source) SetAway(away bool) { s.hub.engine.Send(mixer.SetAway{Source: s.id, Away: away}) }

// Close ends the source: its tile goes. It may be called twice, and on nil.
func (s *Source) Close() {
	if s == nil {
		return
	}
	s.hub.mu.Lock()
	_, open := s.hub.sources[s.id]
	delete(s.hub.sources, s.id)
	s.hub.mu.Unlock()
	if open {
		s.hub.engine.Send(mixer.RemoveSource{Source: s.id})
	}
}

// requestKeyframe asks the sender for a keyframe; the engine limits the rate for all who ask.
func (s *Source) requestKeyframe() {
	s.hub.engine.Send(mixer.RequestSourceKeyframe{Source: s.id})
}

func (s *Source) demanded(d mixer.Demand) {
	s.mu.Lock()
	s.next = d.Layer
	s.mu.Unlock()
	s.cfg.Demanded(d)
}

// TappedUnit is an access unit of a source, unchanged.
type TappedUnit struct {
	Source *Source
	Layer  int
	Came   time.Time
	mixer.Packet
}

// Tap gets the video of one source before the engine does: of the layer that is in use, which changes at a keyframe. It
// needs no decoder.
type Tap struct {
	source *Source
	write  func(TappedUnit) // must not block
}

// Tap begins to give the source's video to write, until the tap is closed.
func (s *Source) Tap(write func(TappedUnit)) *Tap {
	t := &Tap{source: s, write: write}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(slices.Clone(s.taps), t)
	return t
}

// Close ends the tap. A call of write may still be under way. It is nil-safe and may be called twice.
func (t *Tap) Close() {
	if t == nil {
		return
	}
	t.source.mu.Lock()
	defer t.source.mu.Unlock()
	t.source.taps = slices.DeleteFunc(slices.Clone(t.source.taps), func(o *Tap) bool { return o == t })
}

// Tapped tells whether the source has a tap.
func (s *Source) Tapped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taps) > 0
}

// feed gives a packet to the taps. The wanted layer takes over at its keyframe.
func (s *Source) feed(layer int, p mixer.Packet) {
	s.mu.Lock()
	if layer == s.next && p.Key {
		s.now = layer
	}
	taps := s.taps
	if layer != s.now {
		taps = nil
	}
	s.mu.Unlock()
	if len(taps) == 0 {
		return
	}
	unit := TappedUnit{Source: s, Layer: layer, Came: time.Now(), Packet: p}
	for _, t := range taps {
		t.write(unit)
	}
}
