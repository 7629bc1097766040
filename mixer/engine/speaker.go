package engine

import (
	"time"

	"azulejo/mixer/engine/pcm"
)

// Levels, in dBFS, and times that make a voice.
const (
	voiceBegins = -45
	voiceEnds   = -50
	voiceAttack = 60 * time.Millisecond  // above voiceBegins, until somebody counts as speaking
	voiceStays  = 500 * time.Millisecond // after the last sound above voiceEnds
)

// What makes a speaker of somebody who speaks.
const (
	speakerAfter = 500 * time.Millisecond // of speaking, within little more time: a cough is shorter
	speakerHold  = 2 * time.Second        // before another one may take over
	speakerAhead = 6                      // dB by which to drown one who still speaks
)

// speaker finds who is speaking among any number of voices, and one of them who is the speaker: the one who
// speaks, or spoke last. The zero value is ready. Not for concurrent use.
type speaker[K comparable] struct {
	voices  map[K]*voice
	current *K
	since   time.Time
}

// voice is what is known of one.
type voice struct {
	seen     time.Time
	began    time.Time // of sound above voiceBegins; zero when there is none
	loud     time.Time // the last sound above voiceEnds
	speaking bool
	spoken   time.Duration // of speaking; falls as fast as it grew
	strength float64       // mean level in dBFS while speaking, over about half a second
}

// hear notes the level of who at now, in dBFS, and tells whether it is speaking. It is called for everybody who
// could be heard, every blockTime.
func (s *speaker[K]) hear(now time.Time, who K, level float64) bool {
	if s.voices == nil {
		s.voices = map[K]*voice{}
	}
	v := s.voices[who]
	if v == nil {
		v = &voice{strength: pcm.Floor}
		s.voices[who] = v
	}
	v.hear(now, level)
	return v.speaking
}

func (v *voice) hear(now time.Time, level float64) {
	v.seen = now
	switch {
	case level >= voiceBegins && v.began.IsZero():
		v.began = now
	case level < voiceEnds:
		v.began = time.Time{}
	}
	if level >= voiceEnds {
		v.loud = now
	}
	if v.speaking {
		v.speaking = now.Sub(v.loud) < voiceStays
	} else {
		v.speaking = !v.began.IsZero() && now.Sub(v.began) >= voiceAttack
	}
	v.count(level)
}

// count weighs the newest block.
func (v *voice) count(level float64) {
	if level < voiceEnds {
		v.spoken = max(v.spoken-blockTime, 0)
		return
	}
	v.spoken = min(v.spoken+blockTime, 2*speakerAfter)
	v.strength += (max(level, voiceEnds) - max(v.strength, voiceEnds)) * float64(blockTime) / float64(speakerAfter)
}

// decide returns who is the speaker, false before the first. Who was not heard at now drops out.
func (s *speaker[K]) decide(now time.Time) (who K, ok bool) {
	for k, v := range s.voices {
		if v.seen != now {
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
		return who, false
	}
	return *s.current, true
}

// holder is the voice of the speaker, nil when there is none or it dropped out.
func (s *speaker[K]) holder() *voice {
	if s.current == nil {
		return nil
	}
	return s.voices[*s.current]
}

// successor is the strongest of those who have spoken long enough to take over from current.
func (s *speaker[K]) successor(current *voice) (who *K) {
	strongest := float64(pcm.Floor)
	if current != nil && current.speaking {
		strongest = current.strength + speakerAhead
	}
	for k, v := range s.voices {
		if v != current && v.speaking && v.spoken >= speakerAfter && v.strength > strongest {
			who, strongest = &k, v.strength
		}
	}
	return who
}

// speaking tells whether the source can be heard to speak, or did within half a second.
func (s *Source) speaking() bool { return s.sound.speaking.Load() }
