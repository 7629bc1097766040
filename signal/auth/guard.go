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
	secret  []byte // nil: all clients may do everything
	parser  *jwt.Parser
	origins []string // the allowed origins, normalized
	local   bool     // see Config.Local

	joins, failures *rates
	waiting         *network.Shares                      // counts the connected clients that are in no room
	valid           *recent[[sha256.Size]byte, struct{}] // digests of the tokens that were valid in the last hour
}

// New makes a guard.
func New(cfg Config) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{
		parser: newParser(), joins: newRates(cfg.JoinsPerMinute, DefaultJoins), failures: newRates(cfg.FailuresPerMinute, DefaultFailures),
		valid: newRecent[[sha256.Size]byte, struct{}](time.Hour), local: cfg.Local, waiting: network.NewShares(maxWaiting),
	}
	if cfg.Mode == ModeToken {
		g.secret = []byte(cfg.Secret)
	}
	for _, origin := range cfg.Origins {
		g.origins = append(g.origins, normal(origin))
	}
	return g, nil
}

// Admit grants or refuses a request. The error is a [refusal.Error] with one of the codes of this package. Admit does not
// block.
//
// After too many failures from one network, Admit refuses all tokens from this network with CodeTooMany, so that nobody can
// guess tokens. Tokens that were valid within the last hour are still accepted, so that their clients can reconnect.
func (g *Guard) Admit(a Ask) (Permit, error) {
	now, prefix := time.Now(), network.Of(a.Remote)
	p, err := g.identify(a.Token, prefix, now)
	if err != nil {
		return Permit{}, err
	}
	if a.Join && !g.joins.allow(prefix, now) {
		return Permit{}, refusal.New(CodeTooMany, "too many joins from this address; accepted are %d a minute", g.joins.perMinute)
	}
	if err := p.allows(a); err != nil {
		return Permit{}, err
	}
	return Permit{Name: p.Name, Expires: p.Expires}, nil
}

// identify verifies a token and returns its content. It counts an invalid token as a failure of the network prefix.
func (g *Guard) identify(token string, prefix netip.Prefix, now time.Time) (Pass, error) {
	if g.secret == nil {
		return Pass{Room: AllRooms, Grants: []Grant{Admin}}, nil
	}
	digest := sha256.Sum256([]byte(token))
	if _, valid := g.valid.get(digest, now); !valid && g.failures.spent(prefix, now) {
		return Pass{}, refusal.New(CodeTooMany, "too many requests without a good token from this address; accepted are %d a minute", g.failures.perMinute)
	}
	p, err := g.read(token)
	if err != nil {
		g.valid.drop(digest)
		g.failures.allow(prefix, now)
		return Pass{}, err
	}
	g.valid.set(digest, struct{}{}, now)
	return p, nil
}

// retryAfter is the value of the header Retry-After for CodeTooMany. Within this time, a rate of six a minute regains one
// request.
const retryAfter = 10 * time.Second

// Answer translates a refusal of Admit or Wait to HTTP: it sets the headers and returns the status code. It returns zero if
// err is not a refusal with a code of this package.
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
