package engine

import (
	"sync/atomic"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// layerChoice decides which of a source's layers is in use, that is, which one is decoded. The goroutine that decodes owns the
// layerChoice. Other goroutines may call only the methods whose comments say that they are safe for concurrent use.
type layerChoice struct {
	layers  []layer
	current atomic.Int32 // the layer in use; written by the owner
	wanted  atomic.Int32 // the layer that comes into use at its own next keyframe; current if none does; written by the owner
}

// layer is one of several versions of a source's video.
type layer struct {
	seen atomic.Int64 // when a packet of the layer last came, in Unix ns; zero if none has come

	// Owned by the goroutine that decodes.
	size        mixer.Size // zero until a key packet has come
	keyed       bool       // a key packet has come
	wantedSince time.Time  // when the layer last became the wanted layer; zero if it never did
	judgement   judgement
}

// reset makes n layers. Layer n-1, the smallest, is in use, and wanted from now on.
func (c *layerChoice) reset(n int, now time.Time) {
	c.layers = make([]layer, n)
	c.layers[n-1].wantedSince = now
	c.current.Store(int32(n - 1))
	c.wanted.Store(int32(n - 1))
}

// arrived records that a packet of layer n came. Safe for concurrent use.
func (c *layerChoice) arrived(n int, now time.Time) { c.layers[n].seen.Store(now.UnixNano()) }

// uses reports whether layer n is in use or wanted. Safe for concurrent use.
func (c *layerChoice) uses(n int) bool {
	return int32(n) == c.current.Load() || int32(n) == c.wanted.Load()
}

// stopped reports whether the layer in use is silent. Safe for concurrent use.
func (c *layerChoice) stopped(now time.Time) bool { return c.layers[c.current.Load()].silent(now) }

// learnSize reads the size of a layer from its key packet.
func (c *layerChoice) learnSize(p layerPacket) {
	c.layers[p.layer].keyed = true
	if head, ok := keyframe.Read(p.Packet); ok {
		c.layers[p.layer].size = mixer.Size{W: head.Width, H: head.Height}
	}
}

// choose decides which layer is wanted for the use u of the video. switching says that the wanted layer is not in use yet.
func (c *layerChoice) choose(u videoUse, now time.Time) (wanted int, switching bool) {
	wanted = chooseLayer(c.layers, int(c.current.Load()), u, now)
	if c.wanted.Swap(int32(wanted)) != int32(wanted) {
		c.layers[wanted].wantedSince = now
	}
	return wanted, int32(wanted) != c.current.Load()
}

// admit reports whether p belongs to the layer in use. If p is a keyframe of the wanted layer, this layer comes into use first,
// and switched is true.
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

// excuse records that packets of the layer in use were dropped before they were decoded.
func (c *layerChoice) excuse() { c.layers[c.current.Load()].judgement.excuse() }

// How long layers may be silent, see layer.silent and layer.failed.
const (
	layerSilence  = time.Second      // a layer is silent if no packet came for longer than this
	layerPatience = 5 * time.Second  // a silent layer has failed if it became the wanted layer longer ago than this
	layerRetry    = 30 * time.Second // a failed layer is tried again when it became the wanted layer this long ago
)

// silent reports whether no packet of the layer came for layerSilence.
func (l *layer) silent(now time.Time) bool {
	return now.Sub(time.Unix(0, l.seen.Load())) > layerSilence
}

// alive reports whether the layer can be used: it has had a keyframe, and it is not silent.
func (l *layer) alive(now time.Time) bool { return l.keyed && !l.silent(now) }

// failed reports whether the layer is silent although it became the wanted layer more than layerPatience ago. After layerRetry
// the layer does not count as failed any more. A layer whose packets do not decode has failed, too.
func (l *layer) failed(now time.Time) bool {
	if l.judgement.condemned(now) {
		return true
	}
	if l.wantedSince.IsZero() || !l.silent(now) {
		return false
	}
	since := now.Sub(l.wantedSince)
	return since > layerPatience && since < layerRetry
}

// enlargeAtMost is the factor by which the frames of the layer in use may be enlarged before a larger layer is wanted.
// The frames of any other layer must fill the tile without being enlarged. This hysteresis keeps the layer when tiles
// change a little.
const enlargeAtMost = 1.15

// chooseLayer returns the smallest layer that fills the tile of u, or the largest layer if none does. A layer of unknown size
// counts as large enough, so a camera's sub-stream is tried before its main stream. Layers that are gone are left out. If all
// are gone, the result is current, the layer in use.
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

// gone reports whether layer i cannot be used. Either it has failed, or it is in use and not alive while another layer is
// alive. So a layer that has not begun is left for one that has.
func gone(layers []layer, i, current int, now time.Time) bool {
	if layers[i].failed(now) {
		return true
	}
	return i == current && !layers[i].alive(now) && anyAlive(layers, now)
}

// anyAlive reports whether any layer is alive and has not failed.
func anyAlive(layers []layer, now time.Time) bool {
	for i := range layers {
		if layers[i].alive(now) && !layers[i].failed(now) {
			return true
		}
	}
	return false
}

// better reports whether layer i is better than layer j for the tile of u. A layer that fills the tile is better than a layer
// that does not. If both fill the tile, the smaller layer is better. If neither does, the larger layer is better.
func better(layers []layer, i, j, current int, u videoUse) bool {
	fillsI, fillsJ := layers[i].fills(u, i == current), layers[j].fills(u, j == current)
	if fillsI != fillsJ {
		return fillsI
	}
	return smaller(layers, i, j) == fillsI
}

// fills reports whether the layer is large enough for the tile of u. current says whether the layer is in use. If so, it may be
// a little smaller, see enlargeAtMost.
func (l *layer) fills(u videoUse, current bool) bool {
	if l.size.W == 0 || l.size.H == 0 {
		return true
	}
	enlarged := u.scale(l.size)
	return enlarged <= 1 || current && enlarged <= enlargeAtMost
}

// smaller reports whether layer i is smaller than layer j. If a size is unknown or both are equal, the layer with the
// higher number counts as smaller.
func smaller(layers []layer, i, j int) bool {
	a, b := layers[i].size, layers[j].size
	if a == (mixer.Size{}) || b == (mixer.Size{}) || a == b {
		return i > j
	}
	return a.W*a.H < b.W*b.H
}
