package auth

import (
	"sync"
	"time"
)

// maxYoung is the largest size of each of the two maps of a recent.
const maxYoung = 16384

// recent is a map that forgets unused keys. It is safe for concurrent use. It keeps a key for at least the duration keep
// after the last use, and does not return a key that has been unused for three times keep. It forgets keys earlier if more
// than maxYoung keys are in use.
//
// Each use of a key stores it in the map young. When young is full or has existed for the duration keep, it becomes the map
// old, and the former map old is dropped.
type recent[K comparable, V any] struct {
	keep time.Duration

	mu         sync.Mutex
	young, old map[K]V
	youngSince time.Time // when the map young was made
}

func newRecent[K comparable, V any](keep time.Duration) *recent[K, V] {
	return &recent[K, V]{keep: keep, young: map[K]V{}}
}

func (r *recent[K, V]) get(k K, now time.Time) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.use(k, now)
}

func (r *recent[K, V]) set(k K, v V, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rotate(now)
	r.young[k] = v
}

func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, k)
	delete(r.old, k)
}

// getOrMake returns the value of a key. If the key has no value, getOrMake stores and returns the result of newValue. It
// calls newValue under its lock.
func (r *recent[K, V]) getOrMake(k K, newValue func() V, now time.Time) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.use(k, now)
	if !ok {
		v = newValue()
		r.young[k] = v
	}
	return v
}

// use returns the value of a key, and stores it in the map young. The caller holds the lock.
func (r *recent[K, V]) use(k K, now time.Time) (V, bool) {
	r.rotate(now)
	v, ok := r.young[k]
	if !ok {
		if v, ok = r.old[k]; ok {
			r.young[k] = v
		}
	}
	return v, ok
}

// rotate replaces the map young by an empty one if young has existed for the duration keep or is full. The caller holds the
// lock.
func (r *recent[K, V]) rotate(now time.Time) {
	age := now.Sub(r.youngSince)
	if age < r.keep && len(r.young) < maxYoung {
		return
	}
	r.young, r.old, r.youngSince = map[K]V{}, r.young, now
	if age >= 2*r.keep {
		r.old = nil // all keys have been unused for longer than keep
	}
}
