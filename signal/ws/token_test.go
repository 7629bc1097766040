package ws_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"azulejo/mixer"
	"azulejo/mixer/logtest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest/await"
)

func withTokens() setup { return setup{auth: authtest.Config()} }

// knock tries to join and returns the refusal.
func (s *server) knock(t *testing.T, cfg client.Config) error {
	t.Helper()
	cfg.URL, cfg.Room = s.url, "yard"
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	c, err := client.Dial(ctx, cfg)
	if err == nil {
		t.Cleanup(func() { _ = c.Close() }) // it should not be in at all
	}
	return err
}

// TestBadTokensStayOutside: a client with a bad token gets the reason, and does not become a participant beside the client
// with a good one.
func TestBadTokensStayOutside(t *testing.T) {
	s := serve(t, withTokens())
	needed := []auth.Grant{auth.View, auth.Publish}
	s.dial(t, client.Config{Name: "Ana", PublishVideo: mixer.H264, Token: authtest.Token(t, "yard", needed...)})
	bad := append(authtest.BadTokens(t, "yard", needed...),
		authtest.Bad{Name: "another name", Token: authtest.Named(t, "yard", "Eva", needed...), Code: auth.CodeForbidden, Word: "Eva"})
	for _, b := range bad {
		t.Run(b.Name, func(t *testing.T) {
			err := s.knock(t, client.Config{Name: "Bea", PublishVideo: mixer.H264, Token: b.Token})
			var no *client.ServerError
			if !errors.As(err, &no) || no.Code != b.Code || !strings.Contains(no.Message, b.Word) {
				t.Errorf("got %v; want %s: … %s …", err, b.Code, b.Word)
			}
		})
	}
	info, err := s.registry.Info("yard")
	if err != nil || len(info.Participants) != 1 || info.Participants[0].Name != "Ana" {
		t.Errorf("in the room are %+v (%v); want Ana alone", info.Participants, err)
	}
}

func TestTokensMayStandInTheRequest(t *testing.T) {
	s := serve(t, withTokens())
	token := authtest.Token(t, "yard", auth.View)
	for _, c := range []struct{ query, header string }{{"?token=" + token, ""}, {"", "Bearer " + token}} {
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), s.url+c.query, http.Header{"Authorization": {c.header}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		x := &stranger{t, conn}
		x.say(`{"type":"join","room":"yard","token":"garbage"}`)
		x.wantError("unauthorized", "broken") // the join's own counts
		x.join("")
		_ = conn.Close()
	}
}

// TestTokenGivesTheName to a client that joins without a name.
func TestTokenGivesTheName(t *testing.T) {
	s := serve(t, withTokens())
	token := authtest.Named(t, auth.AllRooms, "Ana", auth.Admin)
	for _, name := range []string{"", " Ana "} {
		x := s.stranger(t)
		x.sayJSON(map[string]any{"type": "join", "room": "yard", "name": name, "token": token, "publish": map[string]bool{"audio": true}})
		x.hear("joined")
		info, err := s.registry.Info("yard")
		if err != nil || len(info.Participants) != 1 || info.Participants[0].Name != "Ana" {
			t.Errorf("joined as %q: %+v, %v; want Ana", name, info.Participants, err)
		}
		x.say(`{"type":"leave"}`)
		x.wantClose(websocket.CloseNormalClosure)
	}
}

// TestTokenWithANameSharesAScreen under that name with the suffix for screens.
func TestTokenWithANameSharesAScreen(t *testing.T) {
	s := serve(t, withTokens())
	token := authtest.Named(t, "yard", "Ana", auth.View, auth.Publish)
	join := func(name string, screen bool) *stranger {
		x := s.stranger(t)
		x.sayJSON(map[string]any{"type": "join", "room": "yard", "name": name, "token": token, "publish": map[string]bool{"video": true, "screen": screen}})
		return x
	}
	join("Ana (screen)", true).hear("joined")
	join("Ana (screen)", false).wantError("forbidden", "Ana")
	join("Eva (screen)", true).wantError("forbidden", "Ana")
}

func TestJoinsAndFailuresAreLimited(t *testing.T) {
	limits := withTokens()
	limits.auth.JoinsPerMinute, limits.auth.FailuresPerMinute = 1, 2
	s := serve(t, limits)
	token := authtest.Token(t, "yard", auth.View)
	x := s.stranger(t)
	for _, code := range []string{"unauthorized", "unauthorized", "too_many_requests"} {
		x.say(`{"type":"join","room":"yard","token":"guess"}`)
		x.wantError(code, "accepted")
	}
	x.alive()
	limits.auth.FailuresPerMinute = 1000
	s = serve(t, limits)
	for _, kind := range []string{"joined", "error"} {
		x = s.stranger(t)
		x.sayJSON(map[string]any{"type": "join", "room": "yard", "token": token})
		if m := x.hear(kind); kind == "error" && m["code"] != "too_many_requests" {
			t.Errorf("the second join got %v", m)
		}
	}
}

// TestTokensAreNotLogged at any level.
func TestTokensAreNotLogged(t *testing.T) {
	var log logtest.Log
	loud := withTokens()
	loud.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
	s := serve(t, loud)
	good := authtest.Token(t, "yard", auth.View)
	small := authtest.Token(t, "yard", auth.Footage)
	s.dial(t, client.Config{View: true, Token: good})
	for _, token := range []string{small, "garbage-9876"} {
		for _, url := range []string{s.url, s.url + "?token=" + token} {
			at := &server{url: url}
			if err := at.knock(t, client.Config{View: true, Token: token}); err == nil || strings.Contains(err.Error(), token) {
				t.Errorf("the client is told %v", err)
			}
		}
	}
	evil := http.Header{"Origin": {"https://evil.example"}}
	if _, response, err := websocket.DefaultDialer.DialContext(t.Context(), s.url+"?token="+good, evil); response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("another host's page: %v", err)
	} else {
		_ = response.Body.Close()
	}
	at := &server{url: strings.Replace(s.url, "ws:", "http:", 1) + "?token=" + good}
	if err := at.knock(t, client.Config{View: true}); err == nil || strings.Contains(err.Error(), good) {
		t.Errorf("a bad address is told as %v", err)
	}
	await.Until(t, "refusals are in the log", func() bool {
		return strings.Contains(log.String(), "join refused") && strings.Contains(log.String(), "websocket refused")
	})
	text := log.String()
	for _, token := range []string{good, small, "garbage-9876", string(authtest.Secret), "token="} {
		if strings.Contains(text, token) {
			t.Errorf("%q is in the log:\n%s", token, text)
		}
	}
}

// TestHalfOpen: connections that have not joined are bounded for each address.
func TestHalfOpen(t *testing.T) {
	s := serve(t, setup{})
	s.dial(t, client.Config{View: true})
	for i := range 257 {
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), s.url, nil)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		if response == nil || (response.StatusCode == http.StatusTooManyRequests) != (i == 256) || (response.Header.Get("Retry-After") != "") != (i == 256) {
			t.Fatalf("connection %d: %v, %v", i, response, err)
		}
		_ = response.Body.Close()
	}
}
