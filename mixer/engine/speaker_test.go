package engine

import (
	"testing"
	"time"

	"azulejo/mixer/engine/pcm"
)

// forum plays levels to a speaker under a clock of the test.
type forum struct {
	speakerDetector[string]
	t        *testing.T
	now      time.Time
	speaking map[string]bool
	active   string
}

func newForum(t *testing.T) *forum {
	return &forum{t: t, now: time.Unix(0, 0), speaking: map[string]bool{}}
}

// play plays the levels for d.
func (s *forum) play(d time.Duration, levels map[string]float64) {
	for range d / blockTime {
		s.now = s.now.Add(blockTime)
		for name, level := range levels {
			s.speaking[name] = s.hear(s.now, name, level)
		}
		s.active, _ = s.decide(s.now)
	}
}

func (s *forum) expect(name string) {
	s.t.Helper()
	if s.active != name {
		s.t.Errorf("after %v %q is the speaker, want %q", s.now.Sub(time.Unix(0, 0)), s.active, name)
	}
}

const (
	voiceLevel = -25.
	calmLevel  = -70.
)

func TestTheSpeakerIsTheSourceThatSpeaks(t *testing.T) {
	s := newForum(t)
	s.play(3*time.Second, map[string]float64{"ann": calmLevel, "bob": pcm.Floor})
	s.expect("")
	s.play(time.Second, map[string]float64{"ann": voiceLevel, "bob": calmLevel})
	s.expect("ann")
	s.play(time.Minute, map[string]float64{"ann": calmLevel, "bob": calmLevel})
	s.expect("ann") // in silence, the last speaker stays
	s.play(time.Second, map[string]float64{"ann": calmLevel, "bob": voiceLevel})
	s.expect("bob")
}

func TestACoughMakesNoSpeaker(t *testing.T) {
	s := newForum(t)
	s.play(10*time.Second, map[string]float64{"ann": voiceLevel, "bob": calmLevel})
	for range 5 {
		s.play(300*time.Millisecond, map[string]float64{"ann": calmLevel, "bob": -10})
		s.expect("ann")
		s.play(2*time.Second, map[string]float64{"ann": calmLevel, "bob": calmLevel})
	}
	s.expect("ann")
}

func TestTheSpeakerStaysTwoSeconds(t *testing.T) {
	s := newForum(t)
	s.play(time.Second, map[string]float64{"ann": voiceLevel, "bob": calmLevel})
	s.expect("ann") // since half a second
	s.play(1400*time.Millisecond, map[string]float64{"ann": calmLevel, "bob": -10})
	s.expect("ann")
	s.play(200*time.Millisecond, map[string]float64{"ann": calmLevel, "bob": -10})
	s.expect("bob")
}

func TestALittleLouderIsNotEnough(t *testing.T) {
	s := newForum(t)
	s.play(5*time.Second, map[string]float64{"ann": -25, "bob": calmLevel})
	s.play(10*time.Second, map[string]float64{"ann": -25, "bob": -22})
	s.expect("ann")
	s.play(5*time.Second, map[string]float64{"ann": -25, "bob": -10})
	s.expect("bob")
}

func TestMutedOrClosedSourcesAreRemoved(t *testing.T) {
	s := newForum(t)
	s.play(5*time.Second, map[string]float64{"ann": voiceLevel, "bob": calmLevel})
	s.play(blockTime, map[string]float64{"bob": calmLevel})
	s.expect("")
	s.play(700*time.Millisecond, map[string]float64{"bob": voiceLevel})
	s.expect("bob")
	if len(s.voices) != 1 {
		t.Errorf("%d voices are kept, want one", len(s.voices))
	}
}

func TestSpeakingHasAttackAndRelease(t *testing.T) {
	s := newForum(t)
	at := func(d time.Duration, level float64, want bool) {
		t.Helper()
		if s.play(d, map[string]float64{"ann": level}); s.speaking["ann"] != want {
			t.Errorf("after %v: speaking is %v", s.now.Sub(time.Unix(0, 0)), !want)
		}
	}
	at(time.Second, calmLevel, false)
	at(40*time.Millisecond, voiceLevel, false)
	at(60*time.Millisecond, voiceLevel, true)
	at(300*time.Millisecond, calmLevel, true)
	at(20*time.Millisecond, -48, true) // a level between the two thresholds continues speaking
	at(400*time.Millisecond, calmLevel, true)
	at(200*time.Millisecond, calmLevel, false)
	at(time.Second, -48, false)
}
