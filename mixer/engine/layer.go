package engine

import (
	"sync/atomic"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// layer is one of several versions of a source's picture.
type layer struct {
	seen atomic.Int64 // when a packet last came, in Unix ns

	// Owned by videoIn's run.
	size   mixer.Size // zero until a key packet came
	wanted time.Time  // since when it is
	way    way        // by its timestamps
	clock  way        // by the sender's wall clock
}

// Times after which a layer counts as gone.
const (
	layerSilence  = time.Second      // nothing of the one that is used
	layerPatience = 5 * time.Second  // nothing of one that is wanted
	layerRetry    = 30 * time.Second // until that one is tried again
)

// silent tells that nothing came for a while.
func (l *layer) silent(now time.Time) bool {
	return now.Sub(time.Unix(0, l.seen.Load())) > layerSilence
}

// failed tells that nothing came although it was asked for.
func (l *layer) failed(now time.Time) bool {
	if l.wanted.IsZero() || !l.silent(now) {
		return false
	}
	since := now.Sub(l.wanted)
	return since > layerPatience && since < layerRetry
}

func (l *layer) learn(p mixer.Packet) {
	if info, ok := keyframe.Read(p); ok {
		l.size = mixer.Size{W: info.Width, H: info.Height}
	}
}

// enlargeAtMost is how much the picture of the layer that is used may be enlarged before a larger one is wanted. A
// smaller one has to fill the tile: what lies between keeps a layer while tiles change a little.
const enlargeAtMost = 1.15

// choose picks the smallest layer that fills the tile, or the largest if none does. now is the layer that is used.
// A layer of unknown size is as good as any until it turns out otherwise: a camera's sub-stream is tried before its
// main one. Layers that do not come although they were wanted are left alone for a while.
func choose(layers []layer, now int, u use, at time.Time) int {
	best := now
	found := false
	for i := range layers {
		if gone(layers, i, now, at) {
			continue
		}
		if !found || better(layers, i, best, now, u) {
			best, found = i, true
		}
	}
	return best
}

// gone tells that a layer does not come while another does.
func gone(layers []layer, i, now int, at time.Time) bool {
	l := &layers[i]
	if l.failed(at) {
		return true
	}
	if i != now || l.seen.Load() == 0 || !l.silent(at) {
		return false
	}
	return anyAlive(layers, at)
}

func anyAlive(layers []layer, at time.Time) bool {
	for i := range layers {
		if !layers[i].silent(at) {
			return true
		}
	}
	return false
}

// better compares two layers for a tile.
func better(layers []layer, i, j, now int, u use) bool {
	a, b := layers[i].fills(u, i == now), layers[j].fills(u, j == now)
	if a != b {
		return a
	}
	return smaller(layers, i, j) == a
}

// fills tells whether the layer is large enough; the one that is used a little longer.
func (l *layer) fills(u use, used bool) bool {
	if l.size.W == 0 || l.size.H == 0 {
		return true
	}
	enlarged := u.scale(l.size)
	return enlarged <= 1 || used && enlarged <= enlargeAtMost
}

// smaller compares by size, or by number where one is unknown.
func smaller(layers []layer, i, j int) bool {
	a, b := layers[i].size, layers[j].size
	if a == (mixer.Size{}) || b == (mixer.Size{}) || a == b {
		return i > j
	}
	return a.W*a.H < b.W*b.H
}
