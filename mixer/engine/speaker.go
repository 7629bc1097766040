package engine

import (
	"time"

	"azulejo/mixer/engine/pcm"
)

// When a source counts as speaking.
const (
	voiceStart  = -45                    // dBFS; a source starts to speak at this level
	voiceEnd    = -50                    // dBFS; below this level a source is silent
	voiceAttack = 60 * time.Millisecond  // from the first block at voiceStart or above until the source counts as speaking
	voiceHold   = 500 * time.Millisecond // from the last block at voiceEnd or above until the source no longer counts as speaking
)

// When a source that speaks becomes the speaker.
const (
	speakerAfter = 500 * time.Millisecond // time that a source has spoken, with short pauses at most; a cough is shorter
	speakerHold  = 2 * time.Second        // time that a speaker stays the speaker at least
	speakerAhead = 6                      // dB by which another source must be louder while the speaker still speaks
)

// speaker detects which sources speak, and which of them is the active speaker: the source that speaks, or spoke last. K
// identifies a source. The zero value is ready. Not for concurrent use.
type speaker[K comparable] struct {
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
	spoken    time.Duration // grows with each block at voiceEnd or above, and shrinks as fast with each block below
	strength  float64       // mean level in dBFS of the blocks at voiceEnd or above, over about half a second
}

// hear takes the level of a source at now, in dBFS, and reports whether the source speaks. It must be called every
// blockTime for each source that is not muted.
func (s *speaker[K]) hear(now time.Time, source K, level float64) bool {
	if s.voices == nil {
		s.voices = map[K]*voice{}
	}
	v := s.voices[source]
	if v == nil {
		v = &voice{strength: pcm.Floor}
		s.voices[source] = v
	}
	v.hear(now, level)
	return v.speaking
}

// hear updates the voice by a block of audio with the given level.
func (v *voice) hear(now time.Time, level float64) {
	v.heardAt = now
	switch {
	case level >= voiceStart && v.loudSince.IsZero():
		v.loudSince = now
	case level < voiceEnd:
		v.loudSince = time.Time{}
	}
	if level >= voiceEnd {
		v.loudAt = now
	}
	if v.speaking {
		v.speaking = now.Sub(v.loudAt) < voiceHold
	} else {
		v.speaking = !v.loudSince.IsZero() && now.Sub(v.loudSince) >= voiceAttack
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

// decide returns the active speaker. ok is false if there is none. A source is removed if hear was not called for it with
// the same now.
func (s *speaker[K]) decide(now time.Time) (active K, ok bool) {
	for k, v := range s.voices {
		if v.heardAt != now {
			delete(s.voices, k)
		}
	}
	current := s.holder()
	if current == nil {
		s.current = nil
	}
	if current == nil || now.Sub(s.since) >= speakerHold {
		if k := s.successor(current); k != nil {
			s.current, s.since = k, now
		}
	}
	if s.current == nil {
		return active, false
	}
	return *s.current, true
}

// holder returns the voice of the active speaker. It returns nil if there is no active speaker, or if decide has removed
// it.
func (s *speaker[K]) holder() *voice {
	if s.current == nil {
		return nil
	}
	return s.voices[*s.current]
}

// successor returns the source that replaces current as the active speaker: the strongest that has spoken long enough. It
// returns nil if no source does. current may be nil.
func (s *speaker[K]) successor(current *voice) (next *K) {
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
