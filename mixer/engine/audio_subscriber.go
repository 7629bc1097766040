package engine

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"azulejo/mixer"
)

// privateHold is for how many ticks after its last sound a source that listens keeps a mix of its own: 3 s.
const privateHold = int64(3e9 / blockTime)

// listener is a subscription to audio. It moves between the common mix and one without its own source.
type listener struct {
	id    mixer.SubscriptionID
	codec mixer.Codec
	not   *source             // nil: nobody is left out
	mix   atomic.Pointer[mix] // written under the lock of listeners; nil before its first tick
}

// key is the mix that l should hear at tick n. Opus moves; formats whose packets are no blocks cannot.
func (l *listener) key(n int64) mixKey {
	if l.not != nil && (l.codec != mixer.Opus || n-l.not.sound.heard < privateHold) {
		return mixKey{l.codec, l.not}
	}
	return mixKey{l.codec, nil}
}

// listeners are all subscriptions to audio and the mixes that run for them. A mix begins and ends on a tick.
type listeners struct {
	engine  *Engine
	bitrate int
	log     *slog.Logger

	mu     sync.Mutex
	all    []*listener
	mixes  map[mixKey]*mix
	closed bool
	work   sync.WaitGroup // the mixes' goroutines
}

// add makes a subscription, which is heard from the next tick on.
func (ls *listeners) add(id mixer.Codec, not *source, sub mixer.SubscriptionID) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return fmt.Errorf("listen: %w", mixer.ErrClosed)
	}
	ls.all = append(ls.all, &listener{id: sub, codec: id, not: not})
	return nil
}

// drop ends a subscription; one that is not known is ignored.
func (ls *listeners) drop(id mixer.SubscriptionID) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	i := slices.IndexFunc(ls.all, func(l *listener) bool { return l.id == id })
	if i >= 0 {
		ls.leave(ls.all[i])
		ls.all = slices.Delete(ls.all, i, i+1)
	}
}

// has tells whether there is such a subscription.
func (ls *listeners) has(id mixer.SubscriptionID) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return slices.ContainsFunc(ls.all, func(l *listener) bool { return l.id == id })
}

// leave takes l out of its mix.
func (ls *listeners) leave(l *listener) {
	r := l.mix.Swap(nil)
	if r == nil {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(r.listeners()), func(o *listener) bool { return o == l })
	r.sinks.Store(&rest)
}

// route moves everybody to where they belong at tick n, ends mixes that nobody hears and returns the others.
// Only the sound's ticker calls it: nobody else may end what it puts blocks into.
func (ls *listeners) route(n int64) []*mix {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		if key, r := l.key(n), l.mix.Load(); r == nil || r.key != key {
			ls.move(l, key, n)
		}
	}
	all := make([]*mix, 0, len(ls.mixes))
	for key, r := range ls.mixes {
		if len(r.listeners()) == 0 {
			close(r.blocks)
			delete(ls.mixes, key)
		} else {
			all = append(all, r)
		}
	}
	return all
}

// move lets l hear the mix of key, which begins if need be; for one who heard another its encoder is primed.
func (ls *listeners) move(l *listener, key mixKey, n int64) {
	r := ls.mixes[key]
	if r == nil {
		r = newMix(mixer.RenditionID(ls.engine.ids.Add(1)), ls.engine.emit, key, ls.bitrate, ls.log)
		r.primed = l.mix.Load() != nil
		if ls.mixes == nil {
			ls.mixes = map[mixKey]*mix{}
		}
		ls.mixes[key] = r
		ls.work.Go(r.run)
	}
	ls.leave(l)
	next := append(slices.Clone(r.listeners()), l)
	r.sinks.Store(&next)
	l.mix.Store(r)
	ls.engine.emit(mixer.Routed{Subscription: l.id, Rendition: r.id, Tick: n})
}

// close ends all mixes and waits for them; nobody can listen any more. The ticker must have ended.
func (ls *listeners) close() {
	ls.mu.Lock()
	ls.closed = true
	for key, r := range ls.mixes {
		close(r.blocks)
		delete(ls.mixes, key)
	}
	ls.mu.Unlock()
	ls.work.Wait()
}

// stats describes every encoder that runs for somebody, the most heard first.
func (ls *listeners) stats() []mixer.RenditionStats {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	all := []mixer.RenditionStats{}
	for _, r := range ls.mixes {
		if len(r.listeners()) > 0 {
			all = append(all, r.stats())
		}
	}
	slices.SortFunc(all, func(a, b mixer.RenditionStats) int { return cmp.Or(b.Sinks-a.Sinks, cmp.Compare(a.Codec, b.Codec)) })
	return all
}
