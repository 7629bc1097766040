package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/client"
)

// dialect is one protocol by which a client becomes a member of a room, on a server with tokens.
type dialect struct {
	name   string
	needed []auth.Grant
	// join joins the room. It returns the error of the server; an empty text means that the client is a member.
	join func(t *testing.T, p *process, room, token string) (code, reason string)
}

func dialects() []dialect {
	return []dialect{
		{"native, viewing", []auth.Grant{auth.View}, joinNative(client.Config{View: true})},
		{"native, publishing", []auth.Grant{auth.View, auth.Publish}, joinNative(client.Config{Name: "Bea", PublishVideo: mixer.H264})},
		{"WHEP", []auth.Grant{auth.View}, post("/whep/%s", "recvonly")},
		{"WHIP", []auth.Grant{auth.Publish}, post("/whip/%s/Bea", "sendonly")},
		{"STOMP", []auth.Grant{auth.View}, joinSTOMP},
	}
}

// joinSTOMP subscribes as a client of the room, by polling, and leaves.
func joinSTOMP(t *testing.T, p *process, room, token string) (code, reason string) {
	t.Helper()
	session := p.base + "/signaling/000/" + rand.Text()
	say := func(tail, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, session+tail, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %v", tail, res.Status, err)
		}
		return string(text)
	}
	if opened := say("/xhr", ""); opened != "o\n" {
		t.Fatalf("SockJS began with %q", opened)
	}
	for _, f := range []string{
		"CONNECT\naccept-version:1.2\ntoken:" + token + "\n\n\x00",
		"SUBSCRIBE\nid:0\nreceipt:in\ndestination:/topic/peer/answer/key/" + room + "\n\n\x00",
		"DISCONNECT\nreceipt:out\n\n\x00",
	} {
		message, err := json.Marshal([]string{f})
		if err != nil {
			t.Fatal(err)
		}
		say("/xhr_send", string(message))
		var heard []string
		answer := strings.TrimPrefix(say("/xhr", ""), "a")
		if err = json.Unmarshal([]byte(answer), &heard); err != nil || len(heard) == 0 {
			t.Fatalf("%.20q was answered with %q (%v)", f, answer, err)
		}
		if head, body, _ := strings.Cut(heard[0], "\n\n"); strings.HasPrefix(head, "ERROR") {
			_, code, _ = strings.Cut(head, "\nmessage:")
			code, _, _ = strings.Cut(code, "\n")
			return code, body
		}
	}
	return "", ""
}

// post offers video to a WHIP or WHEP endpoint and ends the new session.
func post(endpoint, direction string) func(*testing.T, *process, string, string) (string, string) {
	return func(t *testing.T, p *process, room, token string) (code, reason string) {
		t.Helper()
		res, text := p.offer(fmt.Sprintf(endpoint, room), direction, token)
		if res.StatusCode == http.StatusCreated {
			if res, text = p.ask(http.MethodDelete, res.Header.Get("Location"), "", token); res.StatusCode != http.StatusOK {
				t.Errorf("DELETE: %s %s", res.Status, text)
			}
			return "", ""
		}
		var no struct{ Code, Detail string }
		if err := json.Unmarshal(text, &no); err != nil {
			t.Fatalf("%s: %s: %v", res.Status, text, err)
		}
		return no.Code, no.Detail
	}
}

// offer posts an offer of video; its client never connects.
func (p *process) offer(path, direction, token string) (*http.Response, []byte) {
	p.t.Helper()
	return p.ask(http.MethodPost, path, strings.ReplaceAll("v=0|o=- 1 1 IN IP4 0.0.0.0|s=-|t=0 0|a=group:BUNDLE 0|"+
		"m=video 9 UDP/TLS/RTP/SAVPF 96|c=IN IP4 0.0.0.0|a=mid:0|a=rtcp-mux|a=rtpmap:96 VP8/90000|a=setup:actpass|"+
		"a=ice-ufrag:abcd|a=ice-pwd:abcdefghijklmnopqrstuvwx|a=fingerprint:sha-256 "+strings.Repeat("AB:", 31)+"AB|a="+direction+"|", "|", "\r\n"), token)
}

// ask sends one request and reads the answer.
func (p *process) ask(method, path, body, token string) (*http.Response, []byte) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/sdp")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := fetch.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		p.t.Fatal(err)
	}
	return res, text
}

// stream requests a path, and returns the body of the answer while it is still written. The end of the test closes the body.
func (p *process) stream(path string) io.Reader {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.base+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := fetch.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = res.Body.Close() }) // it may have ended
	return res.Body
}

func joinNative(cfg client.Config) func(*testing.T, *process, string, string) (string, string) {
	return func(t *testing.T, p *process, room, token string) (code, reason string) {
		t.Helper()
		c := cfg
		c.URL, c.Room, c.Token = strings.Replace(p.base, "http", "ws", 1)+"/ws", room, token
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		member, err := client.Dial(ctx, c)
		var no *client.ServerError
		switch {
		case err == nil:
			if err = member.Close(); err != nil {
				t.Error(err)
			}
			return "", ""
		case errors.As(err, &no):
			return no.Code, no.Message
		}
		t.Fatal(err)
		return "", ""
	}
}

// TestBadTokensAreRefusedInEveryDialect: of two clients of a room one has a bad token. It gets the reason, the other stays,
// and no token is in the log at any level.
func TestBadTokensAreRefusedInEveryDialect(t *testing.T) {
	t.Setenv("AZULEJO_AUTH_MODE", auth.ModeToken)
	t.Setenv("AZULEJO_AUTH_SECRET", string(authtest.Secret))
	t.Setenv("AZULEJO_LIMITS_FAILURES_PER_MINUTE", "100000")
	p := launch(t, "demo", "--verbose", "--cameras", "1", "--data", t.TempDir())
	good, err := client.Dial(t.Context(), client.Config{
		URL: strings.Replace(p.base, "http", "ws", 1) + "/ws", Room: "demo", View: true, Token: authtest.Token(t, "demo", auth.View),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := good.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) {
			for _, b := range authtest.BadTokens(t, "demo", d.needed...) {
				if code, reason := d.join(t, p, "demo", b.Token); code != b.Code || !strings.Contains(reason, b.Word) {
					t.Errorf("%s: %q: %q; want %s: … %s …", b.Name, code, reason, b.Code, b.Word)
				}
			}
			if code, reason := d.join(t, p, "demo", authtest.Token(t, "demo", d.needed...)); code != "" {
				t.Errorf("a token that is just enough: %s: %s", code, reason)
			}
		})
	}
	p.eventually(20*time.Second, "the refusals are in the log", func() bool { // which comes through a pipe
		return strings.Contains(p.log.String(), "session refused") && strings.Contains(p.log.String(), "join refused")
	})
	if text := p.log.String(); strings.Contains(text, "eyJ") || strings.Contains(text, string(authtest.Secret)) { // every token starts with eyJ
		t.Error("a token or the secret is in the log")
	}
	p.eventually(20*time.Second, "the other client is with the camera alone", func() bool { return len(good.Participants()) == 1 })
	if err := good.Err(); err != nil {
		t.Errorf("the other client: %v", err)
	}
}
