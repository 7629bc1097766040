package mixer

import (
	"fmt"
	"slices"
	"sync"

	"azulejo/codec"
)

// rendition is one running encoder and its sinks.
type rendition interface {
	refresh() // asks for a key picture
	close()   // ends the encoder and waits for it
	stats() RenditionStats
	audience() *fanout
}

// renditions are the running encoders of one view or of the sound, by what sets them apart. One begins
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

// join adds s to the rendition of key, which begin starts if need be.
func (rs *renditions[K, R]) join(key K, s Sink, begin func() (R, error)) (*Subscription, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.closed {
		return nil, fmt.Errorf("join a rendition: %w", codec.ErrClosed)
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
	sub := &Subscription{sink: s, refresh: r.refresh, leave: func(s *Subscription) { rs.leave(key, r, s) }}
	r.audience().add(sub)
	r.refresh()
	return sub, nil
}

// leave removes s, and the rendition with its last sink.
func (rs *renditions[K, R]) leave(key K, r R, s *Subscription) {
	rs.mu.Lock()
	r.audience().drop(s)
	last := !rs.closed && len(r.audience().all()) == 0
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

func (rs *renditions[K, R]) stats() []RenditionStats {
	all := []RenditionStats{}
	for _, r := range rs.list() {
		all = append(all, r.stats())
	}
	slices.SortFunc(all, func(a, b RenditionStats) int { return b.Sinks - a.Sinks })
	return all
}
