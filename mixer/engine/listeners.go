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

// mostEarly is how many blocks of one mix wait for the last ones of another.
const mostEarly = 5

// listener is a sink of the sound. It moves between the common mix and one without its own source.
type listener struct {
	id  mixer.Codec
	not *Source             // nil: nobody is left out
	leg *leg                // of its subscription: to the sound, whichever mix that is
	mix atomic.Pointer[mix] // written under the lock of listeners; nil before its first tick

	mu    sync.Mutex
	next  int64 // tick of the next delivery, zero before the first
	early []delivery
}

// delivery is what came of one block.
type delivery struct {
	n       int64
	packets []mixer.Packet
}

// deliver gives the packets of tick n to the sink, in the order of ticks: two encoders make them while the
// listener moves. It waits for a missing tick as long as mostEarly others take.
func (l *listener) deliver(n int64, packets []mixer.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.early = append(l.early, delivery{n, packets})
	slices.SortFunc(l.early, func(a, b delivery) int { return cmp.Compare(a.n, b.n) })
	for len(l.early) > 0 && (l.next == 0 || l.early[0].n <= l.next || len(l.early) > mostEarly) {
		d := l.early[0]
		l.early = slices.Delete(l.early, 0, 1)
		if d.n < l.next {
			continue
		}
		l.next = d.n + 1
		for _, p := range d.packets {
			l.leg.deliver(p, nil)
		}
	}
}

// A listener is the rendition that its subscription knows of.

func (l *listener) refresh()          {} // every packet of sound is a key packet
func (l *listener) close()            {}
func (l *listener) audience() *fanout { return nil }

func (l *listener) stats() mixer.RenditionStats {
	if r := l.mix.Load(); r != nil {
		return r.stats()
	}
	return mixer.RenditionStats{Codec: l.id}
}

// key is the mix that l should hear at tick n. Opus moves; formats whose packets are no blocks cannot.
func (l *listener) key(n int64) mixKey {
	if l.not != nil && (l.id != mixer.Opus || n-l.not.sound.heard < privateHold) {
		return mixKey{l.id, l.not}
	}
	return mixKey{l.id, nil}
}

// listeners are all sinks of the sound and the mixes that run for them. A mix begins and ends on a tick.
type listeners struct {
	bitrate int
	log     *slog.Logger

	mu     sync.Mutex
	all    []*listener
	mixes  map[mixKey]*mix
	closed bool
	work   sync.WaitGroup // the mixes' goroutines
}

// add lets sub listen, from the next tick on.
func (ls *listeners) add(id mixer.Codec, not *Source, sub *Subscription) error {
	l := &listener{id: id, not: not}
	l.leg = &leg{sub: sub, on: l, leave: func() { ls.drop(l) }}
	ls.mu.Lock()
	closed := ls.closed
	if !closed {
		ls.all = append(ls.all, l)
	}
	ls.mu.Unlock()
	if closed {
		return fmt.Errorf("listen: %w", mixer.ErrClosed)
	}
	sub.move(l.leg)
	return nil
}

func (ls *listeners) drop(l *listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.all = slices.DeleteFunc(ls.all, func(o *listener) bool { return o == l })
	ls.leave(l)
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
			ls.move(l, key)
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
func (ls *listeners) move(l *listener, key mixKey) {
	r := ls.mixes[key]
	if r == nil {
		r = newMix(key, ls.bitrate, ls.log)
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
