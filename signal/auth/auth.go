// Package auth decides who may come in: it turns a token into what its bearer may do, in one check that every
// door asks. It knows neither rooms nor dialects.
//
// A token is a JSON Web Token (RFC 7519) signed with HS256 under the server's secret; [Mint] makes one, and so does
// any library for them. Its claims:
//
//	room    the one room it is good for, or "*" for all
//	name    the only name that its bearer may have in a room; absent or empty: any
//	grants  a list of "view", "publish", "footage", "admin"
//	exp     when it expires, in seconds since 1970; required, and taken 10 s late for clocks that differ
//
// nbf is obeyed where it stands, with the same 10 s; sub, iat and all other claims are ignored. A token is asked
// for at the door: it ends no session and no download that it has begun.
//
// A [Guard] is safe for concurrent use and starts nothing. Nothing here logs, and no error tells a token or the secret.
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

// The grants. One does not imply another, but for Admin, which implies all.
const (
	View    Grant = "view"    // receive a room's mix, see its state
	Publish Grant = "publish" // send into a room
	Footage Grant = "footage" // read what was recorded
	Admin   Grant = "admin"   // change rooms, see all of them
)

// AllRooms is the room of a token that is good for every room, and of an [Ask] that only such a token will do for.
const AllRooms = "*"

// Codes of refusals.
const (
	CodeUnauthorized = "unauthorized" // no token, or one that is no good: 401
	CodeForbidden    = "forbidden"    // a good token that does not allow this: 403
	CodeTooMany      = "too_many_requests"
)

// Ask is one request to come in.
type Ask struct {
	Token  string  // as shown; empty: none
	Room   string  // empty: no room in particular; AllRooms: all of them
	Grants []Grant // all of them are needed
	Remote string  // address of the client, host:port
	Join   bool    // makes a membership: counted against the rate of joins
}

// LogValue leaves out the token.
func (a Ask) LogValue() slog.Value {
	return slog.GroupValue(slog.String("room", a.Room), slog.Any("grants", a.Grants), slog.String("remote", a.Remote))
}

// Permit is what was granted.
type Permit struct {
	Name    string    // the only name that its bearer may have; empty: any
	Expires time.Time // zero: never
}

// Named returns the name to join with, for one who asks for a name or, empty, leaves it to the token; the error
// is a [refusal.Error].
func (p Permit) Named(asked string) (string, error) {
	if p.Name == "" {
		return asked, nil
	}
	if asked = strings.TrimSpace(asked); asked != "" && asked != p.Name {
		return "", refusal.New(CodeForbidden, "the token is for the name %q; accepted is this one or none", p.Name)
	}
	return p.Name, nil
}

// TokenOf finds the token of an HTTP request: "Authorization: Bearer" (RFC 6750, section 2.1), or else ?token=.
func TokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("token")
}
