package auth

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"azulejo/signal/network"
	"azulejo/signal/refusal"
)

// Guard answers asks.
type Guard struct {
	secret  []byte // nil: everybody may do everything
	parser  *jwt.Parser
	origins []string // as normal makes them
	local   bool

	joins, failures *rates
	waiting         *network.Shares                      // who stands in a door
	known           *recent[[sha256.Size]byte, struct{}] // digests of tokens that were good lately
}

// New makes a guard.
func New(cfg Config) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{
		parser: newParser(), joins: newRates(cfg.JoinsPerMinute, DefaultJoins), failures: newRates(cfg.FailuresPerMinute, DefaultFailures),
		known: newRecent[[sha256.Size]byte, struct{}](time.Hour), local: cfg.Local, waiting: network.NewShares(maxWaiting),
	}
	if cfg.Mode == ModeToken {
		g.secret = []byte(cfg.Secret)
	}
	for _, origin := range cfg.Origins {
		g.origins = append(g.origins, normal(origin))
	}
	return g, nil
}

// Admit returns a [refusal.Error] of one of the codes above where the answer is no. It does not block.
//
// Who has failed too often gets CodeTooMany for every token that was not found good within the last hour, without a look
// at it: guessing is over, while those who share the address and are in already go on, and come back.
func (g *Guard) Admit(a Ask) (Permit, error) {
	now, from := time.Now(), network.Of(a.Remote)
	p, err := g.identify(a.Token, from, now)
	if err != nil {
		return Permit{}, err
	}
	if a.Join && !g.joins.take(from, now) {
		return Permit{}, refusal.New(CodeTooMany, "too many joins from this address; accepted are %d a minute", g.joins.perMinute)
	}
	if err := p.allows(a); err != nil {
		return Permit{}, err
	}
	return Permit{Name: p.Name, Expires: p.Expires}, nil
}

// identify tells what the token says, if it is good and may still be looked at.
func (g *Guard) identify(token string, from netip.Prefix, now time.Time) (Pass, error) {
	if g.secret == nil {
		return Pass{Room: AllRooms, Grants: []Grant{Admin}}, nil
	}
	digest := sha256.Sum256([]byte(token))
	if _, known := g.known.get(digest, now); !known && g.failures.spent(from, now) {
		return Pass{}, refusal.New(CodeTooMany, "too many requests without a good token from this address; accepted are %d a minute", g.failures.perMinute)
	}
	p, err := g.read(token)
	if err != nil {
		g.known.drop(digest)
		g.failures.take(from, now)
		return Pass{}, err
	}
	g.known.put(digest, struct{}{}, now)
	return p, nil
}

// retryAfter is when to come back after CodeTooMany: by then a rate of six a minute has room again.
const retryAfter = 10 * time.Second

// Answer translates a refusal of Admit to HTTP: it sets the headers that belong to it and returns the status.
// It returns zero where err is no refusal of this package.
func Answer(h http.Header, err error) int {
	var no *refusal.Error
	if !errors.As(err, &no) {
		return 0
	}
	switch no.Code {
	case CodeUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
		return http.StatusUnauthorized
	case CodeForbidden:
		return http.StatusForbidden
	case CodeTooMany:
		h.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		return http.StatusTooManyRequests
	}
	return 0
}
