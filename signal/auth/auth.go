// Package auth decides who may come in: it turns a token into what its bearer may do, in one check that every
// door asks. It knows neither rooms nor dialects.
//
// A [Guard] is safe for concurrent use and starts nothing.
package auth

import (
	"net/http"
	"strings"
	"time"
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

// Codes of refusals.
const (
	CodeUnauthorized = "unauthorized" // no token, or one that is no good: 401
	CodeForbidden    = "forbidden"    // a good token that does not allow this: 403
	CodeTooMany      = "too_many_requests"
)

// Ask is one request to come in.
type Ask struct {
	Token  string  // as shown; empty: none
	Room   string  // empty: no room in particular
	Grants []Grant // all of them are needed
	Remote string  // address of the client, host:port
	Join   bool    // makes a membership: counted against the rate of joins
}

// Permit is what was granted.
type Permit struct {
	Name    string    // the only name that its bearer may have; empty: any
	Expires time.Time // zero: never
}

// Guard answers asks.
type Guard struct{}

// Admit returns a [refusal.Error] of one of the codes above where the answer is no.
func (g *Guard) Admit(Ask) (Permit, error) { return Permit{}, nil }

// AllowsOrigin tells whether the page that a request comes from is one of ours, or no page at all.
func (g *Guard) AllowsOrigin(*http.Request) bool { return true }

// TokenOf finds the token of an HTTP request: "Authorization: Bearer", or else ?token=.
func TokenOf(r *http.Request) string {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	return r.URL.Query().Get("token")
}
