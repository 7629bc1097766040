package auth

import (
	"sync"
	"time"
)

// maxYoung bounds the young keys of a recent. It holds at most as many old ones.
const maxYoung = 16384

// recent is a map that forgets unused keys. It keeps a key for at least the time keep after the last use, and for at
// most twice that time. With more than maxYoung keys in use, it forgets keys earlier.
type recent[K comparable, V any] struct {
	keep time.Duration

	mu         sync.Mutex
	young, old map[K]V
	born       time.Time // when the map young was made
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
	r.age(now)
	r.young[k] = v
}

func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, k)
	delete(r.old, k)
}

// getOrMake returns the value of a key. If there is none, it stores and returns the result of fresh.
func (r *recent[K, V]) getOrMake(k K, fresh func() V, now time.Time) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.use(k, now)
	if !ok {
		v = fresh()
		r.young[k] = v
	}
	return v
}

// use returns the value of a key and makes the key young.
func (r *recent[K, V]) use(k K, now time.Time) (V, bool) {
	r.age(now)
	v, ok := r.young[k]
	if !ok {
		if v, ok = r.old[k]; ok {
			r.young[k] = v
		}
	}
	return v, ok
}

// age makes the young keys old, and forgets those that are old already, if the time keep is over or there are too many
// young keys.
func (r *recent[K, V]) age(now time.Time) {
	since := now.Sub(r.born)
	if since < r.keep && len(r.young) < maxYoung {
		return
	}
	r.young, r.old, r.born = map[K]V{}, r.young, now
	if since >= 2*r.keep {
		r.old = nil
	}
}
