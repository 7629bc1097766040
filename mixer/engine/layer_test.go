package engine

import (
	"testing"
	"time"

	"azulejo/mixer"
)

func TestChooseLayer(t *testing.T) {
	now := time.Now()
	type given struct {
		size   mixer.Size
		seen   time.Duration // ago; negative: never
		wanted time.Duration // ago; zero: not
	}
	const never = -time.Second
	full, half, quarter := mixer.Size{W: 1280, H: 720}, mixer.Size{W: 640, H: 360}, mixer.Size{W: 320, H: 180}
	three := []given{{full, 0, 0}, {half, 0, 0}, {quarter, 0, 0}}
	unknown := []given{{mixer.Size{}, never, 0}, {mixer.Size{}, never, 0}}
	for _, c := range []struct {
		name   string
		layers []given
		now    int
		tile   videoUse
		want   int
	}{
		{"one layer only", []given{{full, 0, 0}}, 0, videoUse{w: 100, h: 56}, 0},
		{"nobody looks: the smallest", three, 0, videoUse{}, 2},
		{"a small tile: the smallest", three, 0, videoUse{w: 320, h: 180}, 2},
		{"a little more than the smallest", three, 0, videoUse{w: 322, h: 182}, 1},
		{"half", three, 0, videoUse{w: 640, h: 360}, 1},
		{"full", three, 2, videoUse{w: 1280, h: 720}, 0},
		{"more than there is: the largest", three, 2, videoUse{w: 1920, h: 1080}, 0},
		{"the one in use may be enlarged a little", three, 2, videoUse{w: 360, h: 202}, 2},
		{"but not more", three, 2, videoUse{w: 370, h: 208}, 1},
		{"going down needs a full fit", three, 1, videoUse{w: 360, h: 202}, 1},
		{"one side is enough: a tall tile is fitted", three, 2, videoUse{w: 320, h: 720}, 2},
		{"filled, both sides count: the tall tile shows a part", three, 2, videoUse{w: 320, h: 720, fill: true}, 0},
		{"filled and of the same shape", three, 2, videoUse{w: 320, h: 180, fill: true}, 2},
		{"in another order of sizes", []given{{quarter, 0, 0}, {full, 0, 0}}, 0, videoUse{w: 640, h: 360}, 1},
		{"unknown: the sub-stream is tried first", unknown, 1, videoUse{w: 1280, h: 720}, 1},
		{"it turned out too small: the unknown one", []given{{mixer.Size{}, never, 0}, {half, 0, 0}}, 1, videoUse{w: 1280, h: 720}, 0},
		{"it turned out large enough", []given{{mixer.Size{}, never, 0}, {half, 0, 0}}, 1, videoUse{w: 640, h: 360}, 1},
		{"wanted, still waited for", []given{{mixer.Size{}, never, 3 * time.Second}, {half, 0, 0}}, 1, videoUse{w: 1280, h: 720}, 0},
		{"wanted in vain", []given{{mixer.Size{}, never, 6 * time.Second}, {half, 0, 0}}, 1, videoUse{w: 1280, h: 720}, 1},
		{"tried again after a while", []given{{mixer.Size{}, never, 31 * time.Second}, {half, 0, 0}}, 1, videoUse{w: 1280, h: 720}, 0},
		{"the one in use fell silent", []given{{full, 2 * time.Second, 0}, {half, 0, 0}}, 0, videoUse{w: 1280, h: 720}, 1},
		{"all fell silent", []given{{full, 2 * time.Second, 0}, {half, 2 * time.Second, 0}}, 0, videoUse{w: 1280, h: 720}, 0},
		{"the one in use never came", []given{{full, 0, 0}, {mixer.Size{}, never, 0}}, 1, videoUse{w: 100, h: 56}, 0},
		{"neither came", []given{{mixer.Size{}, never, 0}, {mixer.Size{}, never, 0}}, 1, videoUse{w: 100, h: 56}, 1},
		{"two of one size: the later one", []given{{half, 0, 0}, {half, 0, 0}}, 0, videoUse{w: 100, h: 56}, 1},
	} {
		layers := make([]layer, len(c.layers))
		for i, g := range c.layers {
			layers[i].size = g.size
			if g.seen >= 0 {
				layers[i].seen.Store(now.Add(-g.seen).UnixNano())
				layers[i].keyed = true
			}
			if g.wanted > 0 {
				layers[i].wantedSince = now.Add(-g.wanted)
			}
		}
		if got := chooseLayer(layers, c.now, c.tile, now); got != c.want {
			t.Errorf("%s: layer %d, want %d", c.name, got, c.want)
		}
	}
}

func TestChooseKeepsTheLayerWhileTilesChangeALittle(t *testing.T) {
	now := time.Now()
	layers := make([]layer, 2)
	for i, s := range []mixer.Size{{W: 640, H: 360}, {W: 320, H: 180}} {
		layers[i].size = s
		layers[i].seen.Store(now.UnixNano())
		layers[i].keyed = true
	}
	changes, used := 0, 1
	for i := range 100 {
		w := 300 + i%2*60 // around the size of the smaller one
		if next := chooseLayer(layers, used, videoUse{w: w, h: w * 9 / 16}, now); next != used {
			used = next
			changes++
		}
	}
	if changes > 0 {
		t.Errorf("%d changes of layer", changes)
	}
}

func TestLoopFilterDecisions(t *testing.T) {
	begin := time.Now()
	frame := mixer.Size{W: 1280, H: 720}
	tiny, half, large, none := videoUse{w: 320, h: 180}, videoUse{w: 640, h: 360}, videoUse{w: 642, h: 362}, videoUse{}
	type step struct {
		after     time.Duration
		key       bool
		tile      videoUse
		skip, ask bool
	}
	for name, steps := range map[string][]step{
		"small":                {{0, true, tiny, true, false}, {time.Second, false, tiny, true, false}},
		"exactly half":         {{0, true, half, true, false}},
		"large":                {{0, true, large, false, false}, {time.Second, false, large, false, false}},
		"nobody":               {{0, true, none, false, false}},
		"half in a wide tile":  {{0, true, videoUse{w: 1000, h: 360}, true, false}},
		"half in a tall tile":  {{0, true, videoUse{w: 640, h: 720}, true, false}},
		"a wide tile, filled":  {{0, true, videoUse{w: 1000, h: 360, fill: true}, false, false}},
		"a tall tile, filled":  {{0, true, videoUse{w: 320, h: 400, fill: true}, false, false}},
		"filled, exactly half": {{0, true, videoUse{w: 640, h: 360, fill: true}, true, false}},
		"grown":                {{0, true, tiny, true, false}, {1, false, tiny, true, false}, {2, false, large, false, true}, {3, false, large, false, false}, {4, true, large, false, false}},
		"grown at once":        {{0, true, tiny, true, false}, {1, false, large, false, true}},
		"grown, but for a key": {{0, true, tiny, true, false}, {1, true, large, false, false}, {2, false, large, false, false}},
		"shrunk":               {{0, true, large, false, false}, {1, false, large, false, false}, {2, false, tiny, true, false}},
		"a long GOP": {
			{0, true, tiny, true, false},
			{9 * time.Second, false, tiny, true, false},
			{11 * time.Second, false, tiny, false, true},
			{12 * time.Second, false, tiny, false, false},
			{13 * time.Second, true, tiny, true, false},
		},
		"no keyframe yet": {{0, false, tiny, false, true}, {1, false, tiny, false, false}},
	} {
		var l loopFilter
		for i, s := range steps {
			skip, ask := l.decide(s.key, s.tile, frame, begin.Add(s.after))
			if skip != s.skip || ask != s.ask {
				t.Errorf("%s, step %d: skip %v and ask %v, want %v and %v", name, i, skip, ask, s.skip, s.ask)
			}
		}
	}
}
