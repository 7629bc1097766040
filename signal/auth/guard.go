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

// Guard grants or refuses requests for access.
type Guard struct {
	secret  []byte // nil: everybody may do everything
	parser  *jwt.Parser
	origins []string // normalized
	local   bool

	joins, failures *rates
	waiting         *network.Shares                      // counts the clients that are connected but in no room
	known           *recent[[sha256.Size]byte, struct{}] // digests of tokens that were valid lately
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

// Admit grants or refuses a request. A refusal is a [refusal.Error] with one of the codes of this package. Admit does
// not block.
//
// After too many failures from one address, Admit refuses tokens from that address with CodeTooMany, except those that
// were valid within the last hour. This ends the guessing of tokens. Clients behind the same address whose tokens are
// known can still reconnect.
func (g *Guard) Admit(a Ask) (Permit, error) {
	now, from := time.Now(), network.Of(a.Remote)
	p, err := g.identify(a.Token, from, now)
	if err != nil {
		return Permit{}, err
	}
	if a.Join && !g.joins.allow(from, now) {
		return Permit{}, refusal.New(CodeTooMany, "too many joins from this address; accepted are %d a minute", g.joins.perMinute)
	}
	if err := p.allows(a); err != nil {
		return Permit{}, err
	}
	return Permit{Name: p.Name, Expires: p.Expires}, nil
}

// identify returns the pass in a valid token.
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
		g.failures.allow(from, now)
		return Pass{}, err
	}
	g.known.set(digest, struct{}{}, now)
	return p, nil
}

// retryAfter is the pause after CodeTooMany. After it, a rate of six a minute allows one more request.
const retryAfter = 10 * time.Second

// Answer translates a refusal of Admit to HTTP: it sets the headers and returns the status. It returns zero if err is no
// refusal of this package.
func Answer(h http.Header, err error) int {
	var refused *refusal.Error
	if !errors.As(err, &refused) {
		return 0
	}
	switch refused.Code {
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
