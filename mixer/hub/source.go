package hub

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// SourceConfig describes a new source, and has the callbacks for its events. Each callback may be nil. The engine's goroutines
// call them, so a callback must not block.
type SourceConfig struct {
	mixer.SourceSpec
	KeyframeWanted func()             // requests a keyframe from the sender; called at most once a second
	Demanded       func(mixer.Demand) // called after the demand for the video has changed
	// ConditionChanged is called soon after AddSource, and after the condition has changed.
	ConditionChanged func(mixer.Condition)
}

// Source hands the media of one participant to taps and to the engine. Packets may be written from any goroutine, but the
// packets of one layer, or of the audio, only from one goroutine at a time. No method blocks.
type Source struct {
	hub   *Hub
	id    mixer.SourceID
	cfg   SourceConfig
	delay atomic.Int64 // by how much the engine delays the video for lip sync, in nanoseconds

	mu      sync.Mutex
	taps    []*Tap // copy-on-write, so that its elements may be read without mu
	current int    // the layer that taps get
	wanted  int    // the layer that the engine uses; becomes current at its next keyframe
}

// AddSource adds a source, which has a tile from now on. The caller must close it.
func (h *Hub) AddSource(cfg SourceConfig) *Source {
	cfg.SourceSpec = cfg.WithDefaults()
	if cfg.KeyframeWanted == nil {
		cfg.KeyframeWanted = func() {}
	}
	if cfg.Demanded == nil {
		cfg.Demanded = func(mixer.Demand) {}
	}
	if cfg.ConditionChanged == nil {
		cfg.ConditionChanged = func(mixer.Condition) {}
	}
	s := &Source{hub: h, id: mixer.SourceID(h.ids.Add(1)), cfg: cfg, current: cfg.Layers - 1, wanted: cfg.Layers - 1}
	h.mu.Lock()
	h.sources[s.id] = s
	h.mu.Unlock()
	h.engine.Send(mixer.AddSource{Source: s.id, Spec: cfg.SourceSpec})
	return s
}

// ID returns the number of the source. It returns zero for a nil Source.
func (s *Source) ID() mixer.SourceID {
	if s == nil {
		return 0
	}
	return s.id
}

// WriteVideo hands one access unit of any codec to the taps and the engine. The codec may change at a keyframe. Layer 0 is the
// largest. A packet is discarded if its layer is not below SourceSpec.Layers.
func (s *Source) WriteVideo(layer int, p mixer.Packet) {
	if layer < 0 || layer >= s.cfg.Layers {
		return
	}
	s.writeTaps(layer, p)
	s.hub.engine.Send(mixer.WriteVideo{Source: s.id, Layer: layer, Packet: p})
}

// WriteAudio hands one audio frame of any codec to the engine.
func (s *Source) WriteAudio(p mixer.Packet) {
	s.hub.engine.Send(mixer.WriteAudio{Source: s.id, Packet: p})
}

// SetMuted mutes the audio if audio is true, and the video if video is true. It unmutes otherwise. A placeholder replaces muted
// video.
func (s *Source) SetMuted(audio, video bool) {
	s.hub.engine.Send(mixer.MuteSource{Source: s.id, Audio: audio, Video: video})
}

// SetAway says whether the connection of the participant is broken and may come back.
func (s *Source) SetAway(away bool) { s.hub.engine.Send(mixer.SetAway{Source: s.id, Away: away}) }

// ReportTrouble says why no media of the participant come. The zero Trouble withdraws the last report.
func (s *Source) ReportTrouble(t mixer.Trouble) {
	s.hub.engine.Send(mixer.ReportTrouble{Source: s.id, Trouble: t})
}

// Close removes the source and its tile. It may be called twice, and on a nil Source.
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

// requestKeyframe requests a keyframe from the sender. The engine limits the rate of the requests.
func (s *Source) requestKeyframe() {
	s.hub.engine.Send(mixer.RequestSourceKeyframe{Source: s.id})
}

// demanded handles Demanded: it sets the layer that taps change to, and calls the source's callback.
func (s *Source) demanded(d mixer.Demand) {
	s.mu.Lock()
	s.wanted = d.Layer
	s.mu.Unlock()
	s.cfg.Demanded(d)
}

// TappedUnit is one access unit that a tap gets, unchanged.
type TappedUnit struct {
	Source *Source
	Layer  int
	Came   time.Time // when WriteVideo was called with the packet
	mixer.Packet
}

// Tap reads the packets of one source's video before the engine gets them. It gets the layer that the engine uses. When the
// engine uses another layer, the tap changes to that layer at the layer's next keyframe.
type Tap struct {
	source *Source
	write  func(TappedUnit) // must not block
}

// Tap opens a tap: write is called with every access unit of the tapped layer until the tap is closed. write must not block.
func (s *Source) Tap(write func(TappedUnit)) *Tap {
	t := &Tap{source: s, write: write}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(slices.Clone(s.taps), t)
	return t
}

// Close closes the tap. A call of write may still run when Close returns. Close may be called twice, and on a nil Tap.
func (t *Tap) Close() {
	if t == nil {
		return
	}
	t.source.mu.Lock()
	defer t.source.mu.Unlock()
	t.source.taps = slices.DeleteFunc(slices.Clone(t.source.taps), func(o *Tap) bool { return o == t })
}

// Tapped reports whether the source has a tap.
func (s *Source) Tapped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taps) > 0
}

// writeTaps hands p to the taps if the layer of p is the current layer. A keyframe of the wanted layer makes that layer current.
func (s *Source) writeTaps(layer int, p mixer.Packet) {
	s.mu.Lock()
	if layer == s.wanted && p.Key {
		s.current = layer
	}
	taps := s.taps
	if layer != s.current {
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
