package mixertest

import (
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// addNamed adds a source that does not send yet.
func addNamed(r *rig, name string) *hub.Source {
	s := r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: name}})
	r.t.Cleanup(s.Close)
	return s
}

// hears tells whether the tone loud is heard and the tone silent is more than 30 dB weaker. Tones are frequencies in Hz.
func (l *listener) hears(loud, silent float64) bool {
	a, ok := l.level(loud)
	b, _ := l.level(silent)
	return ok && a > -40 && a-b > 30
}

// hearsBoth tells whether both tones are heard and their levels differ by less than 3 dB.
func (l *listener) hearsBoth(one, other float64) bool {
	a, ok := l.level(one)
	b, _ := l.level(other)
	return ok && a > -40 && max(a-b, b-a) < 3
}

// mixMinus: a subscription that excludes a source does not hear that source. All other subscriptions hear it.
func mixMinus(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	const low, high = 440, 1000
	a, b := addNamed(r, "a"), addNamed(r, "b")
	playTone(t, a, low)
	playTone(t, b, high)
	withoutA, withoutB := listen(r, mixer.Opus, a.ID()), listen(r, mixer.Opus, b.ID())
	all, asAAC := listen(r, mixer.Opus, 0), listen(r, mixer.AAC, 0)
	aac := listen(r, mixer.AAC, a.ID())
	await(t, "b without a", func() bool { return withoutA.hears(high, low) && aac.hears(high, low) })
	await(t, "a without b", func() bool { return withoutB.hears(low, high) })
	await(t, "all", func() bool { return all.hearsBoth(low, high) && asAAC.hearsBoth(low, high) })
	for _, s := range Stats(t, r.Hub).Sources {
		if s.AudioCodec != mixer.Opus || s.Level < -40 {
			t.Errorf("the source is %+v", s)
		}
	}
	b.SetMuted(true, false)
	await(t, "silence of the muted one", func() bool { return all.hears(low, high) })
	for _, l := range []*listener{withoutA, withoutB, all} {
		l.sub.Close()
		l.continuous(t)
	}
	n := len(all.packets)
	await(t, "the others go on", func() bool { return asAAC.hears(low, high) })
	if len(all.packets) != n {
		t.Error("a packet after Close")
	}
}

// audioMoves: a subscription that excludes a silent source shares the rendition of the common mix. It has a rendition of
// its own while that source is heard, and for a while after that.
func audioMoves(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	const low, high = 440, 1000
	a, b := addNamed(r, "a"), addNamed(r, "b")
	playTone(t, b, high)
	all, withoutA := listen(r, mixer.Opus, 0), listen(r, mixer.Opus, a.ID())
	renditions := func(want int) func() bool {
		return func() bool { return len(Stats(t, r.Hub).Renditions) == want }
	}
	await(t, "both hear b", func() bool { return all.hears(high, low) && withoutA.hears(high, low) && renditions(1)() })
	stop := playTone(t, a, low)
	await(t, "it moves away", func() bool { return all.hearsBoth(low, high) && withoutA.hears(high, low) && renditions(2)() })
	stop()
	await(t, "it moves back", renditions(1))
	await(t, "both hear b again", func() bool { return all.hears(high, low) && withoutA.hears(high, low) })
	for _, l := range []*listener{all, withoutA} {
		l.sub.Close()
		l.continuous(t)
	}
}
