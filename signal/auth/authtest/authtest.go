// Package authtest makes guards and tokens for tests: valid tokens, and tokens that a guard must refuse.
package authtest

import (
	"slices"
	"testing"
	"time"

	"azulejo/signal/auth"
)

// Secret signs the valid tokens.
const Secret auth.Secret = "0123456789abcdef0123456789abcdef"

const another auth.Secret = "fedcba9876543210fedcba9876543210"

// Config returns a configuration of a guard that requires tokens. Its limit on failures is higher than tests need.
func Config() auth.Config {
	return auth.Config{Mode: auth.ModeToken, Secret: Secret, FailuresPerMinute: 100_000}
}

// Guard makes a guard.
func Guard(t testing.TB, cfg auth.Config) *auth.Guard {
	t.Helper()
	g, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Token returns a token that is valid for one room and one hour.
func Token(t testing.TB, room string, grants ...auth.Grant) string {
	t.Helper()
	return Named(t, room, "", grants...)
}

// Named returns a token that is valid for one room, one name and one hour.
func Named(t testing.TB, room, name string, grants ...auth.Grant) string {
	t.Helper()
	return mint(t, Secret, auth.Pass{Room: room, Name: name, Grants: grants, Expires: time.Now().Add(time.Hour)})
}

func mint(t testing.TB, s auth.Secret, p auth.Pass) string {
	t.Helper()
	token, err := auth.Mint(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Bad is a token that must be refused.
type Bad struct {
	Name  string // of the test case
	Token string
	Code  string // of the refusal
	Word  string // a word in the text of the refusal
}

// BadTokens returns tokens that a guard must refuse for a request that needs all the given grants. room is the room of the
// request: auth.AllRooms stands for all rooms, and an empty room for no particular room.
func BadTokens(t testing.TB, room string, needed ...auth.Grant) []Bad {
	t.Helper()
	all := []auth.Grant{auth.View, auth.Publish, auth.Footage, auth.Admin}
	now := time.Now()
	bad := []Bad{
		{"none", "", auth.CodeUnauthorized, "needed"},
		{"garbage", "garbage", auth.CodeUnauthorized, "broken"},
		{"another's secret", mint(t, another, auth.Pass{Room: auth.AllRooms, Grants: all, Expires: now.Add(time.Hour)}), auth.CodeUnauthorized, "not signed"},
		{"expired", mint(t, Secret, auth.Pass{Room: auth.AllRooms, Grants: all, Expires: now.Add(-time.Hour)}), auth.CodeUnauthorized, "expired"},
	}
	if room != "" { // no test uses a room of this name
		bad = append(bad, Bad{"another room", Token(t, "another", all...), auth.CodeForbidden, "room"})
	}
	for _, missing := range needed {
		rest := slices.DeleteFunc(slices.Clone(all), func(g auth.Grant) bool { return g == missing || g == auth.Admin })
		bad = append(bad, Bad{"all but " + string(missing), Token(t, auth.AllRooms, rest...), auth.CodeForbidden, "needed"})
	}
	return bad
}
