package engine

import (
	"time"

	"azulejo/mixer/engine/pcm"
)

// When a source counts as speaking. Levels are in dBFS.
const (
	voiceStart  = -45
	voiceEnd    = -50
	voiceAttack = 60 * time.Millisecond  // from the first block above voiceStart until the source counts as speaking
	voiceHold   = 500 * time.Millisecond // from the last block above voiceEnd until it no longer does
)

// When a source that speaks becomes the speaker.
const (
	speakerAfter = 500 * time.Millisecond // of speaking, with short pauses at most: a cough is shorter
	speakerHold  = 2 * time.Second        // before another source may become the speaker
	speakerAhead = 6                      // dB by which it must be louder while the speaker still speaks
)

// speaker detects which of any number of sources speak, and which one is the active speaker: the one that speaks, or
// spoke last. K identifies a source. The zero value is ready. Not for concurrent use.
type speaker[K comparable] struct {
	voices  map[K]*voice
	current *K
	since   time.Time
}

// voice is the speech state of one source.
type voice struct {
	heardAt   time.Time // when hear was called last
	loudSince time.Time // the first block above voiceStart; zero while there is none
	loudAt    time.Time // the last block above voiceEnd
	speaking  bool
	spoken    time.Duration // grows while the source speaks, and falls as fast while it does not
	strength  float64       // mean level in dBFS while speaking, over about half a second
}

// hear notes the level of a source at now, in dBFS, and reports whether the source speaks. It is called every blockTime
// for each source that is not muted.
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

// count updates spoken and strength by the newest block.
func (v *voice) count(level float64) {
	if level < voiceEnd {
		v.spoken = max(v.spoken-blockTime, 0)
		return
	}
	v.spoken = min(v.spoken+blockTime, 2*speakerAfter)
	v.strength += (max(level, voiceEnd) - max(v.strength, voiceEnd)) * float64(blockTime) / float64(speakerAfter)
}

// decide returns the active speaker; ok is false if there is none. Sources for which hear was not called at now are
// removed.
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

// holder is the voice of the active speaker, nil if there is none or if it was removed.
func (s *speaker[K]) holder() *voice {
	if s.current == nil {
		return nil
	}
	return s.voices[*s.current]
}

// successor is the strongest of the sources that have spoken long enough to replace current, nil if there is none.
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

// speaking reports whether the source speaks, or did within the last half second.
func (s *source) speaking() bool { return s.audio.speaking.Load() }
