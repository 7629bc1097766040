// Package auth controls access to the server: all entrances of the server use its one check of what the bearer of a token
// may do. It knows neither rooms nor dialects.
//
// A token is a JSON Web Token (RFC 7519) signed with HS256 under the server's secret. [Mint] makes one, and any
// library for such tokens can too. Its claims:
//
//	room    the only room that the token is valid for, or "*" for all
//	name    the only name that its bearer may have in a room; absent or empty: any
//	grants  a list of "view", "publish", "footage", "admin"
//	exp     when the token expires, in seconds since 1970; required, with a leeway of 10 s for clocks that differ
//
// nbf is checked if it is present, with the same leeway; sub, iat and all other claims are ignored. A token is checked
// when a session or a download starts. Its expiry does not end them.
//
// A [Guard] is safe for concurrent use and starts no goroutine. The package logs nothing, and no error contains a token or
// the secret.
package auth

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"azulejo/signal/refusal"
)

// Grant is one thing that a token allows.
type Grant string

// The grants. Admin implies all others; no other grant implies another.
const (
	View    Grant = "view"    // receive a room's mix, see its state
	Publish Grant = "publish" // send media into a room
	Footage Grant = "footage" // read recordings
	Admin   Grant = "admin"   // change rooms, see all of them
)

// AllRooms is the room of a token that is valid for every room, and of an [Ask] that needs such a token.
const AllRooms = "*"

// Codes of refusals.
const (
	CodeUnauthorized = "unauthorized" // no token, or an invalid one: status 401
	CodeForbidden    = "forbidden"    // a valid token that does not allow this: status 403
	CodeTooMany      = "too_many_requests"
)

// Ask is one request for access.
type Ask struct {
	Token  string  // empty: none
	Room   string  // empty: no particular room; AllRooms: all rooms
	Grants []Grant // all of them are needed
	Remote string  // address of the client, host:port
	Join   bool    // the client joins a room: counted against the rate of joins
}

// LogValue leaves out the token.
func (a Ask) LogValue() slog.Value {
	return slog.GroupValue(slog.String("room", a.Room), slog.Any("grants", a.Grants), slog.String("remote", a.Remote))
}

// Permit describes what is allowed after an Ask was granted.
type Permit struct {
	Name    string    // the only name that the bearer of the token may have; empty: any
	Expires time.Time // zero: never
}

// Named returns the name with which a client joins that asks for the name asked. If asked is empty, that is the name of
// the token. The error is a [refusal.Error].
func (p Permit) Named(asked string) (string, error) {
	if p.Name == "" {
		return asked, nil
	}
	if asked = strings.TrimSpace(asked); asked != "" && asked != p.Name {
		return "", refusal.New(CodeForbidden, "the token is for the name %q; accepted is this one or none", p.Name)
	}
	return p.Name, nil
}

// TokenOf returns the token of an HTTP request: from "Authorization: Bearer" (RFC 6750, section 2.1), or else from
// ?token=.
func TokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("token")
}
