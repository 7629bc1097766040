package auth

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// rates limits the events of each network by a token bucket. A bucket that is unused for a minute is full again. So it
// can be forgotten then.
type rates struct {
	perMinute int
	buckets   *recent[netip.Prefix, *rate.Limiter]
}

func newRates(perMinute, byDefault int) *rates {
	if perMinute == 0 {
		perMinute = byDefault
	}
	return &rates{perMinute, newRecent[netip.Prefix, *rate.Limiter](time.Minute)}
}

// allow counts an event and tells whether it is within the rate.
func (r *rates) allow(from netip.Prefix, now time.Time) bool {
	full := func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(float64(r.perMinute)/time.Minute.Seconds()), r.perMinute)
	}
	return r.buckets.getOrMake(from, full, now).AllowN(now, 1)
}

// spent tells whether the next event would exceed the rate.
func (r *rates) spent(from netip.Prefix, now time.Time) bool {
	bucket, ok := r.buckets.get(from, now)
	return ok && bucket.TokensAt(now) < 1
}
