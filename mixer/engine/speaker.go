package engine

import (
	"time"

	"azulejo/mixer/engine/pcm"
)

// When a source counts as speaking.
const (
	voiceStart  = -45                    // dBFS; a source starts to speak at this level or above
	voiceEnd    = -50                    // dBFS; a source below this level is silent
	voiceAttack = 60 * time.Millisecond  // from the first block at voiceStart or above until the source counts as speaking
	voiceHold   = 500 * time.Millisecond // from the last block at voiceEnd or above until the source no longer counts as speaking
)

// When a source that speaks becomes the active speaker.
const (
	speakerAfter = 500 * time.Millisecond // a source must have spoken for this time; a cough is shorter
	speakerHold  = 2 * time.Second        // the speaker does not change for at least this time
	speakerAhead = 6                      // in dB; while the speaker speaks, another source must be louder by more than this
)

// speakerDetector detects which sources speak, and which source is the active speaker: the source that speaks, or spoke last. K
// identifies a source. The zero value is ready. Not for concurrent use.
type speakerDetector[K comparable] struct {
	voices  map[K]*voice
	current *K        // the active speaker; nil: none
	since   time.Time // when current became the active speaker
}

// voice is the speech state of one source.
type voice struct {
	heardAt   time.Time // when hear was last called
	loudSince time.Time // when the level reached voiceStart; zero again once the level falls below voiceEnd
	loudAt    time.Time // when the level was last at voiceEnd or above
	speaking  bool
	spoken    time.Duration // rises by blockTime with each block at voiceEnd or above, and falls by blockTime with each other block
	strength  float64       // mean level in dBFS of the blocks at voiceEnd or above, over about half a second
}

// hear counts a block of a source with the given level in dBFS, and reports whether the source speaks. It must be called at each
// tick for each source that is not muted. tickTime is the time of the tick.
func (s *speakerDetector[K]) hear(tickTime time.Time, source K, level float64) bool {
	if s.voices == nil {
		s.voices = map[K]*voice{}
	}
	v := s.voices[source]
	if v == nil {
		v = &voice{strength: pcm.Floor}
		s.voices[source] = v
	}
	v.hear(tickTime, level)
	return v.speaking
}

// hear updates the voice by a block of audio with the given level.
func (v *voice) hear(tickTime time.Time, level float64) {
	v.heardAt = tickTime
	switch {
	case level >= voiceStart && v.loudSince.IsZero():
		v.loudSince = tickTime
	case level < voiceEnd:
		v.loudSince = time.Time{}
	}
	if level >= voiceEnd {
		v.loudAt = tickTime
	}
	if v.speaking {
		v.speaking = tickTime.Sub(v.loudAt) < voiceHold
	} else {
		v.speaking = !v.loudSince.IsZero() && tickTime.Sub(v.loudSince) >= voiceAttack
	}
	v.count(level)
}

// count updates spoken and strength by a block of audio with the given level.
func (v *voice) count(level float64) {
	if level < voiceEnd {
		v.spoken = max(v.spoken-blockTime, 0)
		return
	}
	v.spoken = min(v.spoken+blockTime, 2*speakerAfter)
	v.strength += (max(level, voiceEnd) - max(v.strength, voiceEnd)) * float64(blockTime) / float64(speakerAfter)
}

// decide returns the active speaker. ok is false if there is none. It must be called at each tick, after hear. A source for
// which hear was not called with the same tickTime is removed.
func (s *speakerDetector[K]) decide(tickTime time.Time) (active K, ok bool) {
	for k, v := range s.voices {
		if v.heardAt != tickTime {
			delete(s.voices, k)
		}
	}
	current := s.currentVoice()
	if current == nil {
		s.current = nil
	}
	if current == nil || tickTime.Sub(s.since) >= speakerHold {
		if k := s.successor(current); k != nil {
			s.current, s.since = k, tickTime
		}
	}
	if s.current == nil {
		return active, false
	}
	return *s.current, true
}

// currentVoice returns the voice of the active speaker. It returns nil if there is no active speaker, or if decide has removed
// the speaker's voice.
func (s *speakerDetector[K]) currentVoice() *voice {
	if s.current == nil {
		return nil
	}
	return s.voices[*s.current]
}

// successor returns the source that replaces the active speaker, whose voice is current: the strongest source that has spoken
// long enough. It returns nil if no source replaces the speaker. current is nil if there is no active speaker.
func (s *speakerDetector[K]) successor(current *voice) (next *K) {
	strongest := float64(pcm.Floor)
	if current != nil && current.speaking {
		strongest = current.strength + speakerAhead
	}
	for k, v := range s.voices {
		if v != current && v.speaking && v.spoken >= speakerAfter && v.strength > strongest {
			next, strongest = &k, v.strength
		}
	}
	return next
}

// speaking reports whether the source speaks now or did within the last half second.
func (s *source) speaking() bool { return s.audio.speaking.Load() }
