package mixertest

import (
	"slices"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// addNamed adds a source that sends nothing yet. The end of the test closes it.
func addNamed(r *rig, name string) *hub.Source {
	s := r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: name}})
	r.t.Cleanup(s.Close)
	return s
}

// hears reports whether the tone of loud Hz is heard, and the tone of silent Hz is at least 30 dB lower.
func (l *listener) hears(loud, silent float64) bool {
	a, ok := l.level(loud)
	b, _ := l.level(silent)
	return ok && a > -40 && a-b > 30
}

// hearsBoth reports whether both tones, in Hz, are heard, and their levels differ by less than 3 dB.
func (l *listener) hearsBoth(toneA, toneB float64) bool {
	a, ok := l.level(toneA)
	b, _ := l.level(toneB)
	return ok && a > -40 && max(a-b, b-a) < 3
}

// mixMinus tests that a subscription that excludes a source does not hear this source, and that other subscriptions do.
func mixMinus(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	const low, high = 440, 1000
	a, b := addNamed(r, "a"), addNamed(r, "b")
	sing(t, a, low)
	sing(t, b, high)
	withoutA, withoutB := listen(r, mixer.Opus, a.ID()), listen(r, mixer.Opus, b.ID())
	all, allAsAAC := listen(r, mixer.Opus, 0), listen(r, mixer.AAC, 0)
	withoutAAsAAC := listen(r, mixer.AAC, a.ID())
	await(t, "b without a", func() bool { return withoutA.hears(high, low) && withoutAAsAAC.hears(high, low) })
	await(t, "a without b", func() bool { return withoutB.hears(low, high) })
	await(t, "all", func() bool { return all.hearsBoth(low, high) && allAsAAC.hearsBoth(low, high) })
	await(t, "levels", func() bool {
		return !slices.ContainsFunc(Stats(t, r.Hub).Sources, func(s mixer.SourceStats) bool {
			return s.AudioCodec != mixer.Opus || s.Level < -40
		})
	})
	b.SetMuted(true, false)
	await(t, "silence of the muted one", func() bool { return all.hears(low, high) })
	for _, l := range []*listener{withoutA, withoutB, all} {
		l.sub.Close()
		l.checkContinuous(t)
	}
	n := len(all.packets)
	await(t, "the others go on", func() bool { return allAsAAC.hears(low, high) })
	if len(all.packets) != n {
		t.Error("a packet after Close")
	}
}

// audioMoves tests the moves between mixes. A subscription that excludes a silent source shares the rendition of the common mix.
// While the source is heard, and for a few seconds after that, the subscription has a rendition of its own.
func audioMoves(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	const low, high = 440, 1000
	a, b := addNamed(r, "a"), addNamed(r, "b")
	sing(t, b, high)
	all, withoutA := listen(r, mixer.Opus, 0), listen(r, mixer.Opus, a.ID())
	renditions := func(want int) func() bool {
		return func() bool { return len(Stats(t, r.Hub).Renditions) == want }
	}
	await(t, "both hear b", func() bool { return all.hears(high, low) && withoutA.hears(high, low) && renditions(1)() })
	stop := sing(t, a, low)
	await(t, "it moves away", func() bool { return all.hearsBoth(low, high) && withoutA.hears(high, low) && renditions(2)() })
	stop()
	await(t, "it moves back", renditions(1))
	await(t, "both hear b again", func() bool { return all.hears(high, low) && withoutA.hears(high, low) })
	for _, l := range []*listener{all, withoutA} {
		l.sub.Close()
		l.checkContinuous(t)
	}
}

// soloAudio tests a source whose audio is not in the common mix. Only subscriptions that include the source hear it, and they share
// one encoder.
func soloAudio(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	const low, high = 440, 1000
	a, gate := addNamed(r, "a"), r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: "gate", Solo: true}})
	t.Cleanup(gate.Close)
	sing(t, a, low)
	sing(t, gate, high)
	all, asAAC, here, there := listen(r, mixer.Opus, 0), listen(r, mixer.AAC, 0), listen(r, mixer.Opus, 0), listen(r, mixer.Opus, 0)
	opus := func() (n int) {
		for _, s := range Stats(t, r.Hub).Renditions {
			if s.Codec == mixer.Opus {
				n++
			}
		}
		return n
	}
	await(t, "a alone", func() bool {
		return all.hears(low, high) && asAAC.hears(low, high) && here.hears(low, high) && opus() == 1
	})
	for _, l := range []*listener{asAAC, here, there} {
		l.sub.Include(gate.ID())
	}
	await(t, "both, where it is included", func() bool { return here.hearsBoth(low, high) && there.hearsBoth(low, high) })
	await(t, "one encoder for both", func() bool { return opus() == 2 })
	await(t, "a alone, where it is not included", func() bool { return all.hears(low, high) && asAAC.hears(low, high) })
	here.sub.Include(a.ID()) // is in the common mix anyway
	there.sub.Include(0)
	await(t, "a alone again", func() bool { return here.hears(low, high) && there.hears(low, high) && opus() == 1 })
	for _, l := range []*listener{all, here, there} {
		l.sub.Close()
		l.checkContinuous(t)
	}
}
