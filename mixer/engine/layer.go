package engine

import (
	"sync/atomic"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// layerChoice decides which of a source's layers is used. The goroutine that decodes owns it, but for the methods that
// say otherwise.
type layerChoice struct {
	layers          []layer
	current, wanted atomic.Int32 // the layer in use, and the one that replaces it at its next keyframe; written by the owner
}

// layer is one of several versions of a source's video.
type layer struct {
	seen atomic.Int64 // when a packet last came, in Unix ns

	// Owned by the goroutine that decodes.
	size        mixer.Size // zero until a key packet came
	wantedSince time.Time  // when it became the wanted one; zero before
}

// reset begins with the smallest of n layers.
func (c *layerChoice) reset(n int) {
	c.layers = make([]layer, n)
	c.current.Store(int32(n - 1))
	c.wanted.Store(int32(n - 1))
}

// arrived notes that a packet of layer n came. Safe for concurrent use.
func (c *layerChoice) arrived(n int, now time.Time) { c.layers[n].seen.Store(now.UnixNano()) }

// uses reports whether layer n is in use or wanted. Safe for concurrent use.
func (c *layerChoice) uses(n int) bool {
	return int32(n) == c.current.Load() || int32(n) == c.wanted.Load()
}

// stopped reports whether the layer in use has stopped coming. Safe for concurrent use.
func (c *layerChoice) stopped(now time.Time) bool { return c.layers[c.current.Load()].silent(now) }

// learnSize reads the size of a layer from its key packet.
func (c *layerChoice) learnSize(p layerPacket) {
	if head, ok := keyframe.Read(p.Packet); ok {
		c.layers[p.layer].size = mixer.Size{W: head.Width, H: head.Height}
	}
}

// choose decides which layer is wanted for a use. switching tells that another one is still in use.
func (c *layerChoice) choose(u videoUse, now time.Time) (wanted int, switching bool) {
	wanted = chooseLayer(c.layers, int(c.current.Load()), u, now)
	if c.wanted.Swap(int32(wanted)) != int32(wanted) {
		c.layers[wanted].wantedSince = now
	}
	return wanted, int32(wanted) != c.current.Load()
}

// admit reports whether p is to be used, and whether the wanted layer has replaced the one in use with it: it does so
// at its keyframe.
func (c *layerChoice) admit(p layerPacket) (used, switched bool) {
	if int32(p.layer) == c.current.Load() {
		return true, false
	}
	if int32(p.layer) != c.wanted.Load() || !p.Key {
		return false, false
	}
	c.current.Store(int32(p.layer))
	return true, true
}

// Times after which a layer counts as gone.
const (
	layerSilence  = time.Second      // without a packet of the layer in use
	layerPatience = 5 * time.Second  // without a packet of the layer that is wanted
	layerRetry    = 30 * time.Second // until that layer is tried again
)

// silent reports whether no packet came for layerSilence.
func (l *layer) silent(now time.Time) bool {
	return now.Sub(time.Unix(0, l.seen.Load())) > layerSilence
}

// failed reports whether no packet came although the layer is wanted.
func (l *layer) failed(now time.Time) bool {
	if l.wantedSince.IsZero() || !l.silent(now) {
		return false
	}
	since := now.Sub(l.wantedSince)
	return since > layerPatience && since < layerRetry
}

// enlargeAtMost is by how much the frames of the layer in use may be enlarged before a larger layer is wanted. Another
// layer must fill the tile. The difference keeps the layer while tiles change a little.
const enlargeAtMost = 1.15

// chooseLayer picks the smallest layer that fills the tile, or the largest if none does. A layer of unknown size counts
// as large enough until its size is known: a camera's sub-stream is tried before its main one. Layers that did not come
// although they were wanted are left out for layerRetry.
func chooseLayer(layers []layer, current int, u videoUse, now time.Time) int {
	best := current
	found := false
	for i := range layers {
		if gone(layers, i, current, now) {
			continue
		}
		if !found || better(layers, i, best, current, u) {
			best, found = i, true
		}
	}
	return best
}

// gone reports whether layer i does not come while another one does.
func gone(layers []layer, i, current int, now time.Time) bool {
	l := &layers[i]
	if l.failed(now) {
		return true
	}
	if i != current || l.seen.Load() == 0 || !l.silent(now) {
		return false
	}
	return anyAlive(layers, now)
}

func anyAlive(layers []layer, now time.Time) bool {
	for i := range layers {
		if !layers[i].silent(now) {
			return true
		}
	}
	return false
}

// better reports whether layer i is better for a tile than layer j.
func better(layers []layer, i, j, current int, u videoUse) bool {
	a, b := layers[i].fills(u, i == current), layers[j].fills(u, j == current)
	if a != b {
		return a
	}
	return smaller(layers, i, j) == a
}

// fills reports whether the layer is large enough. The one in use may be a little smaller, see enlargeAtMost.
func (l *layer) fills(u videoUse, current bool) bool {
	if l.size.W == 0 || l.size.H == 0 {
		return true
	}
	enlarged := u.scale(l.size)
	return enlarged <= 1 || current && enlarged <= enlargeAtMost
}

// smaller compares layers by size, or by number where a size is unknown.
func smaller(layers []layer, i, j int) bool {
	a, b := layers[i].size, layers[j].size
	if a == (mixer.Size{}) || b == (mixer.Size{}) || a == b {
		return i > j
	}
	return a.W*a.H < b.W*b.H
}
