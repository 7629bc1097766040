package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

const (
	leeway   = 10 * time.Second // the clocks of two servers with NTP differ by less
	maxToken = 4096             // bytes; a token of Mint has about 250
)

// Pass is the content of a token.
type Pass struct {
	Room    string // a room's name, or AllRooms
	Name    string // the only name that the client may have in a room; empty: any
	Grants  []Grant
	Expires time.Time
}

// Validate returns an error that names the first bad field, its value and the accepted values.
func (p Pass) Validate() error {
	if p.Room == "" {
		return fmt.Errorf("room: %q: accepted are the name of a room and %s", p.Room, AllRooms)
	}
	if p.Name != "" {
		if err := mixer.CheckName(p.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
	}
	if len(p.Grants) == 0 {
		return fmt.Errorf("grant: none: accepted are %s", list(allGrants()))
	}
	for _, g := range p.Grants {
		if !slices.Contains(allGrants(), g) {
			return fmt.Errorf("grant: %q: accepted are %s", g, list(allGrants()))
		}
	}
	return nil
}

// Mint makes the token of a pass. A server accepts the token if its Config has the same secret.
func Mint(secret Secret, p Pass) (string, error) {
	if err := errors.Join(Config{Mode: ModeToken, Secret: secret}.Validate(), p.Validate()); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	c := claims{Room: p.Room, Name: p.Name, Grants: p.Grants, RegisteredClaims: jwt.RegisteredClaims{
		ExpiresAt: jwt.NewNumericDate(p.Expires), IssuedAt: jwt.NewNumericDate(time.Now()),
	}}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(secret))
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return token, nil
}

// claims are the claims of a token in JSON.
type claims struct {
	Room   string  `json:"room"`
	Name   string  `json:"name,omitempty"`
	Grants []Grant `json:"grants"`
	jwt.RegisteredClaims
}

func newParser() *jwt.Parser {
	return jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding())
}

// read verifies a token and returns its content. The error is a [refusal.Error]. The signature is compared in constant
// time.
func (g *Guard) read(token string) (Pass, error) {
	switch {
	case token == "":
		return Pass{}, refuse("a token is needed; accepted are \"Authorization: Bearer\", ?token=, and the field or header of the dialect")
	case len(token) > maxToken:
		return Pass{}, refuse("the token has %d bytes; accepted are up to %d", len(token), maxToken)
	}
	var c claims
	if _, err := g.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return g.secret, nil }); err != nil {
		return Pass{}, invalid(err, c)
	}
	if c.Room == "" {
		return Pass{}, refuse("the token is for no room; accepted is one whose claim room is a room's name or %s", AllRooms)
	}
	return Pass{Room: c.Room, Name: strings.TrimSpace(c.Name), Grants: c.Grants, Expires: c.ExpiresAt.Time}, nil
}

// invalid translates an error of the JWT library to a refusal. The library's own error texts may repeat parts of the
// token.
func invalid(err error, c claims) error {
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refuse("the token is broken; accepted are JSON Web Tokens, whole")
	case errors.Is(err, jwt.ErrTokenExpired):
		return refuse("the token expired at %s; accepted is one that is still good", c.ExpiresAt.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refuse("the token never expires; accepted is one with the claim exp")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return refuse("the token is not good yet; accepted is one whose claim nbf is past")
	}
	return refuse("the token was not signed by this server; accepted are HS256 and its secret")
}

func refuse(format string, args ...any) error { return refusal.New(CodeUnauthorized, format, args...) }

// allows returns an error if the pass does not allow the request. The error is a [refusal.Error].
func (p Pass) allows(a Ask) error {
	switch {
	case a.Room == "" || p.Room == AllRooms || p.Room == a.Room:
	case a.Room == AllRooms:
		return refusal.New(CodeForbidden, "the token is for room %q; accepted is one for all rooms (%s)", p.Room, AllRooms)
	default:
		return refusal.New(CodeForbidden, "the token is for another room, %q; accepted is one for the room asked for", p.Room)
	}
	for _, need := range a.Grants {
		if !slices.Contains(p.Grants, need) && !slices.Contains(p.Grants, Admin) {
			return refusal.New(CodeForbidden, "the token grants %s; needed is %s", list(p.Grants), list(a.Grants))
		}
	}
	return nil
}

func allGrants() []Grant { return []Grant{View, Publish, Footage, Admin} }

// list joins grants for an error text: "view, publish".
func list(grants []Grant) string {
	if len(grants) == 0 {
		return "nothing"
	}
	words := make([]string, len(grants))
	for i, g := range grants {
		words[i] = string(g)
	}
	return strings.Join(words, ", ")
}
