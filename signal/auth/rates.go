package auth

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// rates limits the rate of events of each network by a token bucket (see [network.Of]). Its buckets are deleted when
// they have been unused for a minute: by then they are full, as a new bucket is.
type rates struct {
	perMinute int // also the burst
	buckets   *recent[netip.Prefix, *rate.Limiter]
}

// newRates uses the rate defaultRate if perMinute is zero.
func newRates(perMinute, defaultRate int) *rates {
	if perMinute == 0 {
		perMinute = defaultRate
	}
	return &rates{perMinute, newRecent[netip.Prefix, *rate.Limiter](time.Minute)}
}

// allow counts an event and tells whether the event is within the rate.
func (r *rates) allow(prefix netip.Prefix, now time.Time) bool {
	newBucket := func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(float64(r.perMinute)/time.Minute.Seconds()), r.perMinute)
	}
	return r.buckets.getOrMake(prefix, newBucket, now).AllowN(now, 1)
}

// spent tells whether the next event would exceed the rate.
func (r *rates) spent(prefix netip.Prefix, now time.Time) bool {
	bucket, ok := r.buckets.get(prefix, now)
	return ok && bucket.TokensAt(now) < 1
}
