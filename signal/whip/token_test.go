package whip_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"azulejo/signal/auth"
)

const secret = auth.Secret("0123456789abcdef0123456789abcdef")

// token is good for an hour.
func token(t *testing.T, room, name string, grants ...auth.Grant) string {
	t.Helper()
	return tokenUntil(t, secret, room, name, time.Now().Add(time.Hour), grants...)
}

func tokenUntil(t *testing.T, s auth.Secret, room, name string, until time.Time, grants ...auth.Grant) string {
	t.Helper()
	text, err := auth.Mint(s, auth.Pass{Room: room, Name: name, Grants: grants, Expires: until})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTokens: who has none that is good enough is told so, at every address of this dialect, and no session begins.
func TestTokens(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: secret}})
	publisher := s.newCaller(t, "Authorization", "Bearer "+token(t, "yard", "gate", auth.Publish)).publish("/whip/yard/gate", orange, 0)
	viewer := s.newCaller(t, "Authorization", "bearer "+token(t, "*", "", auth.View)).view("/whep/yard")
	await(t, "the colour arrives", viewer.sees(orange.colour))
	other := auth.Secret(strings.Repeat("x", auth.MinSecret))
	for _, c := range []struct {
		name, token string // for who publishes; viewers have the same with another grant
		watching    string
		status      int
		code        string
	}{
		{"none", "", "", 401, auth.CodeUnauthorized},
		{"no token at all", "rubbish", "rubbish", 401, auth.CodeUnauthorized},
		{
			"of another secret", tokenUntil(t, other, "yard", "gate", time.Now().Add(time.Hour), auth.Admin),
			tokenUntil(t, other, "yard", "", time.Now().Add(time.Hour), auth.Admin), 401, auth.CodeUnauthorized,
		},
		{
			"expired", tokenUntil(t, secret, "yard", "gate", time.Now().Add(-time.Minute), auth.Publish),
			tokenUntil(t, secret, "yard", "", time.Now().Add(-time.Minute), auth.View), 401, auth.CodeUnauthorized,
		},
		{"of another room", token(t, "attic", "gate", auth.Publish), token(t, "attic", "", auth.View), 403, auth.CodeForbidden},
		{"too small", token(t, "yard", "gate", auth.View), token(t, "yard", "", auth.Publish), 403, auth.CodeForbidden},
		{"of another name", token(t, "yard", "door", auth.Publish), token(t, "yard", "", auth.Footage), 403, auth.CodeForbidden},
	} {
		for _, at := range []struct{ method, path, token string }{
			{"POST", "/whip/yard/gate", c.token},
			{"PATCH", publisher.location, c.token},
			{"DELETE", publisher.location, c.token},
			{"POST", "/whep/yard", c.watching},
			{"PATCH", viewer.location, c.watching},
			{"DELETE", viewer.location, c.watching},
			{"GET", viewer.location + "/events", c.watching},
			{"POST", viewer.location + "/view", c.watching},
		} {
			var header []string
			if at.token != "" {
				header = []string{"Authorization", "Bearer " + at.token}
			}
			a := s.ask(t, at.method, at.path, "", header...)
			code, detail := a.problem(t)
			if a.status != c.status || code != c.code || detail == "" || (c.status == 401) != (a.header.Get("WWW-Authenticate") == "Bearer") {
				t.Errorf("%s %s with a token %s: %d %s %q; want %d %s", at.method, at.path, c.name, a.status, code, detail, c.status, c.code)
			}
			if at.token != "" && strings.Contains(a.body, at.token) {
				t.Errorf("%s %s tells the token: %s", at.method, at.path, a.body)
			}
		}
	}
	if n := s.engine.Stats().Peers; n != 2 || s.names() != "gate" {
		t.Errorf("%d peers, %q; want the first two, and gate", n, s.names())
	}
	goOn(t, s, viewer)
	publisher.end()
	a := s.ask(t, http.MethodDelete, viewer.location+"?token="+token(t, "yard", "", auth.View), "")
	if a.status != http.StatusOK {
		t.Errorf("DELETE with the token in the address: %d %s", a.status, a.body)
	}
}

// TestForeignToolRefused: the publisher that is not ours is told why.
func TestForeignToolRefused(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: secret}})
	c := runTool(t, "publish", s.url+"/whip/yard/foreign?token=rubbish", "VP8", "c03080", "440")
	await(t, "it is refused", c.has(func(s said) bool { return s.Refused != 0 }, func(s said) bool {
		return s.Refused == http.StatusUnauthorized && strings.Contains(s.Body, auth.CodeUnauthorized)
	}))
}

// TestRates: joins of one address are limited, and the answer says when to come back.
func TestRates(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{JoinsPerMinute: 2}})
	c := s.newCaller(t)
	c.receives(1)
	offer := c.offer()
	for _, want := range []int{201, 201, 429} {
		a := s.ask(t, http.MethodPost, "/whep/yard", offer, "Content-Type", sdpType)
		if a.status != want || (want == 429) != (a.header.Get("Retry-After") != "") {
			t.Errorf("got %d %s; want %d", a.status, a.body, want)
		}
	}
}
