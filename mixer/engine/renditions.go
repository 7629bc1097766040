package engine

import (
	"fmt"
	"slices"
	"sync"

	"azulejo/mixer"
)

// rendition is one running encoder and its sinks.
type rendition interface {
	refresh() // asks for a key picture
	close()   // ends the encoder and waits for it
	stats() mixer.RenditionStats
	audience() *fanout
}

// renditions are the running encoders of the pictures or of the sound, by what sets them apart. One begins
// with its first sink and ends with its last.
type renditions[K comparable, R rendition] struct {
	mu     sync.Mutex
	all    map[K]R
	closed bool
}

// list returns those that run.
func (rs *renditions[K, R]) list() []R {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	out := make([]R, 0, len(rs.all))
	for _, r := range rs.all {
		out = append(out, r)
	}
	return out
}

// join leads s to the rendition of key, which begin starts if need be.
func (rs *renditions[K, R]) join(key K, s *Subscription, begin func() (R, error)) error {
	l, err := rs.enter(key, s, begin)
	if err != nil {
		return err
	}
	s.move(l)
	return nil
}

func (rs *renditions[K, R]) enter(key K, s *Subscription, begin func() (R, error)) (*leg, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.closed {
		return nil, fmt.Errorf("join a rendition: %w", mixer.ErrClosed)
	}
	r, ok := rs.all[key]
	if !ok {
		var err error
		if r, err = begin(); err != nil {
			return nil, err
		}
		if rs.all == nil {
			rs.all = map[K]R{}
		}
		rs.all[key] = r
	}
	l := &leg{sub: s, on: r}
	l.leave = func() { rs.leave(key, r, l) }
	r.audience().add(l)
	return l, nil
}

// leave removes l, and the rendition with its last leg. It may be called twice.
func (rs *renditions[K, R]) leave(key K, r R, l *leg) {
	rs.mu.Lock()
	was := len(r.audience().all())
	r.audience().drop(l)
	last := !rs.closed && was == 1 && len(r.audience().all()) == 0
	if last {
		delete(rs.all, key)
	}
	rs.mu.Unlock()
	if last {
		r.close()
	}
}

// close ends all of them; nobody can join any more.
func (rs *renditions[K, R]) close() {
	rs.mu.Lock()
	rs.closed = true
	all := rs.all
	rs.all = nil
	rs.mu.Unlock()
	for _, r := range all {
		r.close()
	}
}

func (rs *renditions[K, R]) stats() []mixer.RenditionStats {
	all := []mixer.RenditionStats{}
	for _, r := range rs.list() {
		all = append(all, r.stats())
	}
	slices.SortFunc(all, func(a, b mixer.RenditionStats) int { return b.Sinks - a.Sinks })
	return all
}
