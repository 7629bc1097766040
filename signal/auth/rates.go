package auth

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// rates limits what each network may do in a minute. What was not used within one is full again, so nothing is lost
// when it is forgotten.
type rates struct {
	perMinute int
	buckets   *recent[netip.Prefix, *rate.Limiter]
}

func newRates(perMinute, otherwise int) *rates {
	if perMinute == 0 {
		perMinute = otherwise
	}
	return &rates{perMinute, newRecent[netip.Prefix, *rate.Limiter](time.Minute)}
}

// take uses one up and tells whether there was one.
func (r *rates) take(from netip.Prefix, now time.Time) bool {
	fresh := func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(float64(r.perMinute)/time.Minute.Seconds()), r.perMinute)
	}
	return r.buckets.getOrMake(from, fresh, now).AllowN(now, 1)
}

// spent tells whether there is none left.
func (r *rates) spent(from netip.Prefix, now time.Time) bool {
	bucket, ok := r.buckets.get(from, now)
	return ok && bucket.TokensAt(now) < 1
}
