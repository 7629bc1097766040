// Package auth controls access to the server. All dialects and package web ask one [Guard] what a client may do. The
// package does not know which rooms exist, and imports no dialect.
//
// A token is a JSON Web Token (RFC 7519), signed with HS256 and the server's secret. [Mint] makes a token. Any JWT library
// can make one too. A token has these claims:
//
//	room    the only room that the token is valid for, or "*" for all
//	name    the only name that the client may have in a room; absent or empty: any
//	grants  a list of "view", "publish", "footage", "admin"
//	exp     when the token expires, in seconds since 1970; required, with a leeway of 10 s for clocks that differ
//
// The claim nbf is checked if it is present, with the same leeway. All other claims are ignored. A token is checked when a
// session or a download starts. The expiry of the token does not end the session or the download.
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

// AllRooms in place of a room's name stands for every room, in a token and in an [Ask].
const AllRooms = "*"

// Codes of refusals.
const (
	CodeUnauthorized = "unauthorized"      // no token, or an invalid one: status 401
	CodeForbidden    = "forbidden"         // a valid token that does not allow this: status 403
	CodeTooMany      = "too_many_requests" // a limit of the client's network is exceeded: status 429
)

// Ask is one request for access. A [Guard] grants or refuses it.
type Ask struct {
	Token  string  // empty: none
	Room   string  // empty: no particular room; AllRooms: all rooms
	Grants []Grant // all of them are needed
	Remote string  // address of the client, host:port
	Join   bool    // the client joins a room; the request counts against Config.JoinsPerMinute
}

// LogValue keeps the token out of logs.
func (a Ask) LogValue() slog.Value {
	return slog.GroupValue(slog.String("room", a.Room), slog.Any("grants", a.Grants), slog.String("remote", a.Remote))
}

// Permit is the result of a granted Ask.
type Permit struct {
	Name    string    // the only name that the client may have in a room; empty: any
	Expires time.Time // when the token expires; zero: never
}

// Named returns the name that a client gets in a room. requested is the name that the client asks for, and may be empty.
// If the permit has a name, the client gets this name, and Named refuses any other. The error is a [refusal.Error].
func (p Permit) Named(requested string) (string, error) {
	if p.Name == "" {
		return requested, nil
	}
	if requested = strings.TrimSpace(requested); requested != "" && requested != p.Name {
		return "", refusal.New(CodeForbidden, "the token is for the name %q; accepted is this one or none", p.Name)
	}
	return p.Name, nil
}

// TokenOf returns the token of an HTTP request, or an empty string. It reads the header "Authorization: Bearer" (RFC 6750,
// section 2.1). Without this header it reads the query parameter token.
func TokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("token")
}
