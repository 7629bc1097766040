package whip_test

import (
	"net/http"
	"strings"
	"testing"

	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/signaltest/await"
)

// bearer is the header of a good token for the yard.
func bearer(t *testing.T, name string, grants ...auth.Grant) []string {
	t.Helper()
	return []string{"Authorization", "Bearer " + authtest.Named(t, "yard", name, grants...)}
}

// TestTokens: every method of every address refuses insufficient tokens, with a reason, and makes no session.
func TestTokens(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	publisher := s.newCaller(t, bearer(t, "gate", auth.Publish)...).publish("/whip/yard/gate", orange, 0)
	viewer := s.newCaller(t, bearer(t, "", auth.View)...).view("/whep/yard")
	await.Until(t, "the colour arrives", viewer.sees(orange.Colour))
	asked := 0
	for pattern, methods := range s.handler.Routes() {
		grant, session := auth.View, viewer
		if strings.HasPrefix(pattern, "/whip/") {
			grant, session = auth.Publish, publisher
		}
		path := strings.NewReplacer("{room}", "yard", "{name}", "gate", "{session}", last(session.location)).Replace(pattern)
		bad := authtest.BadTokens(t, "yard", grant)
		if grant == auth.Publish {
			bad = append(bad, authtest.Bad{
				Name: "another name", Token: authtest.Named(t, "yard", "door", auth.Publish), Code: auth.CodeForbidden, Word: "door",
			})
		}
		for _, method := range methods {
			asked++
			for _, b := range bad {
				s.refused(t, method, path, b)
			}
		}
	}
	if asked < 9 {
		t.Errorf("only %d things can be done", asked)
	}
	if n := s.engine.Stats().Peers; n != 2 || s.names() != "gate" {
		t.Errorf("%d peers, %q; want the first two, and gate", n, s.names())
	}
	goOn(t, s, viewer)
	publisher.end()
	a := s.ask(t, http.MethodDelete, viewer.location+"?token="+authtest.Token(t, "yard", auth.View), "")
	if a.status != http.StatusOK {
		t.Errorf("DELETE with the token in the address: %d %s", a.status, a.body)
	}
}

// refused asks with a bad token.
func (s *server) refused(t *testing.T, method, path string, b authtest.Bad) {
	t.Helper()
	var header []string
	if b.Token != "" {
		header = []string{"Authorization", "Bearer " + b.Token}
	}
	a := s.ask(t, method, path, "", header...)
	status, challenge := http.StatusForbidden, ""
	if b.Code == auth.CodeUnauthorized {
		status, challenge = http.StatusUnauthorized, "Bearer"
	}
	code, detail := a.problem(t)
	if a.status != status || code != b.Code || !strings.Contains(detail, b.Word) || a.header.Get("WWW-Authenticate") != challenge {
		t.Errorf("%s %s, %s: %d %v %s; want %d %s: … %s …", method, path, b.Name, a.status, a.header, a.body, status, b.Code, b.Word)
	}
	if len(b.Token) > 20 && strings.Contains(a.body, b.Token) {
		t.Errorf("%s %s tells the token: %s", method, path, a.body)
	}
}

// TestForeignToolRefused: aiortc without a good token gets the reason.
func TestForeignToolRefused(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	c := runTool(t, "publish", s.url+"/whip/yard/foreign?token=rubbish", "VP8", "c03080", "440")
	await.Until(t, "it is refused", c.has(func(s said) bool { return s.Refused != 0 }, func(s said) bool {
		return s.Refused == http.StatusUnauthorized && strings.Contains(s.Body, auth.CodeUnauthorized)
	}))
}

// TestRates: joins of one address are limited, and the refusal has Retry-After.
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

// TestOptionsAreRated: OPTIONS with TURN credentials count as joins.
func TestOptionsAreRated(t *testing.T) {
	s := serve(t, setup{
		auth:   auth.Config{JoinsPerMinute: 2},
		webrtc: peer.Config{ICEServers: []peer.ICEServer{{URLs: []string{"stun:stun.example.org"}}}},
	})
	for i, path := range []string{"/whip/yard/gate", "/whep/yard", "/whip/yard/gate", "/whep/yard"} {
		a := s.ask(t, http.MethodOptions, path, "")
		if told := a.header.Get("Link") != ""; a.status != http.StatusOK || told != (i < 2) {
			t.Errorf("OPTIONS %d: %d %v; want 200, with a Link the first two times", i, a.status, a.header)
		}
	}
	if a := s.ask(t, http.MethodPost, "/whep/yard", "", "Content-Type", sdpType); a.status != http.StatusTooManyRequests {
		t.Errorf("POST after that: %d %s; want 429", a.status, a.body)
	}
}
