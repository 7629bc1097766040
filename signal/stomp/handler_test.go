package stomp

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"azulejo/signal/auth"
)

func (s *server) ask(t *testing.T, method, path, origin string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Headers", "content-type")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response, string(text)
}

// TestPagesOfOthers: pages of allowed origins may use every transport, others none.
func TestPagesOfOthers(t *testing.T) {
	const ours = "https://example.org"
	s := serve(t, setup{auth: auth.Config{Origins: []string{ours}}})
	for _, c := range []struct{ method, path string }{
		{"GET", "/signaling/info"},
		{"OPTIONS", "/signaling/info"},
		{"POST", "/signaling/000/a/xhr"},
		{"OPTIONS", "/signaling/000/a/xhr_send"},
	} {
		r, _ := s.ask(t, c.method, c.path, ours)
		h := r.Header
		if r.StatusCode >= 300 || h.Get("Access-Control-Allow-Origin") != ours || h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s %s for ours: %s, %v", c.method, c.path, r.Status, h)
		}
		if c.method == "OPTIONS" && (h.Get("Access-Control-Allow-Headers") != "content-type" || h.Get("Access-Control-Allow-Methods") == "") {
			t.Errorf("%s %s: the preflight gets %v", c.method, c.path, h)
		}
	}
	for _, path := range []string{"/info", "/000/b/xhr", "/000/b/xhr_streaming", "/000/b/xhr_send", "/000/b/eventsource", "/000/b/htmlfile?c=x", "/000/b/websocket", "/websocket", "/iframe.html"} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			r, text := s.ask(t, method, "/signaling"+path, "https://example.com")
			if r.StatusCode != http.StatusForbidden || !strings.Contains(text, "auth.origins") || r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s for others: %s %s", method, path, r.Status, text)
			}
		}
	}
	r, text := s.ask(t, "GET", "/signaling/info", "")
	var info struct {
		Websocket    *bool    `json:"websocket"`
		CookieNeeded *bool    `json:"cookie_needed"`
		Origins      []string `json:"origins"`
		Entropy      *uint32  `json:"entropy"`
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil || info.Websocket == nil || !*info.Websocket || info.CookieNeeded == nil || info.Entropy == nil ||
		!strings.Contains(r.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("info is %s %v (%v)", text, r.Header, err)
	}
}

// TestFramesAreGuarded: the pages for frames restrict who may frame them, and run scripts of the server only.
func TestFramesAreGuarded(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Origins: []string{"https://Example.org"}}})
	const ancestors = "frame-ancestors 'self' https://example.org"
	for _, path := range []string{"/iframe.html", "/iframe-1.5.1.html"} {
		r, text := s.ask(t, "GET", "/signaling"+path, "")
		policy := r.Header.Get("Content-Security-Policy")
		if r.StatusCode != 200 || !strings.HasSuffix(policy, ancestors) || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%s: %s, %s", path, r.Status, policy)
		}
		_, body, _ := strings.Cut(text, "<body>")
		if strings.Contains(text, "<script>") || !strings.Contains(body, `src="../static/vendor/sockjs.min.js"`) {
			t.Errorf("%s is %s", path, text)
		}
	}
	if r, text := s.ask(t, "GET", "/signaling/iframe.js", ""); r.StatusCode != 200 || !strings.Contains(r.Header.Get("Content-Type"), "javascript") || !strings.Contains(text, "bootstrap_iframe") {
		t.Errorf("the script: %s %s", r.Status, text)
	}
	if r, _ := s.ask(t, "POST", "/signaling/iframe.html", ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", r.Status)
	}
	if r, _ := s.ask(t, "GET", "/signaling/000/a/jsonp?c=x", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("jsonp: %s; want it to be off", r.Status)
	}
	if r, _ := s.ask(t, "GET", "/signaling/000/a/htmlfile?c=alert(1)", ""); r.StatusCode != http.StatusBadRequest || !strings.HasSuffix(r.Header.Get("Content-Security-Policy"), ancestors) {
		t.Errorf("htmlfile with a script as callback: %s, %v", r.Status, r.Header)
	}
	if _, text := s.ask(t, "GET", "/signaling", ""); text != "Welcome to SockJS!\n" {
		t.Errorf("the greeting is %q", text)
	}
}
