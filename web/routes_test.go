package web

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"azulejo/mixer/logtest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/room"
)

// tokenServer is a server that needs tokens, with a handler for every route.
type tokenServer struct {
	*Server
	url     string
	log     *logtest.Log
	reached *handled
}

// handled is a handler that counts its requests by path.
type handled struct {
	mu    sync.Mutex
	paths map[string]int
}

func (h *handled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.paths[r.URL.Path]++
	_, _ = io.WriteString(w, "from the handler")
}

func (h *handled) count(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.paths[path]
}

func serveTokens(t *testing.T, change func(*auth.Config)) *tokenServer {
	t.Helper()
	cfg := authtest.Config()
	if change != nil {
		change(&cfg)
	}
	s := &tokenServer{log: &logtest.Log{}, reached: &handled{paths: map[string]int{}}}
	events := NewEvents()
	events.End() // a stream ends after its first event
	info := yard()
	info.Views = []room.ViewInfo{{Name: "main"}}
	h := &registry{rooms: []room.Info{info}}
	var err error
	s.Server, err = New(Config{
		Rooms: h, Footage: h, Guard: authtest.Guard(t, cfg), Media: s.reached, Signalling: s.reached, SockJS: s.reached, WHIP: s.reached, WHEP: s.reached, Events: events,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug - 4})),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Server)
	s.url = srv.URL
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s
}

// example is the method and the path of a request for the route.
func (d route) example() (method, path string) {
	method, path, ok := strings.Cut(d.pattern, " ")
	if !ok {
		method, path = http.MethodGet, d.pattern
	}
	path = strings.NewReplacer("{$}", "", "{room}", "yard", "{stream}", "main", "{view}", "main", "{name}", "0123.mp4").Replace(path)
	return method, path
}

// send sends one request for the route d with the token in the header or in the query.
func (s *tokenServer) send(t *testing.T, d route, token string, inQuery bool) answer {
	t.Helper()
	method, path := d.example()
	body := ""
	if method == http.MethodPut {
		body = `{"layout":"grid"}`
	}
	switch {
	case token == "":
		return requestWith(t, method, s.url+path, body)
	case inQuery:
		return requestWith(t, method, s.url+path+"?token="+token, body)
	}
	return requestWith(t, method, s.url+path, body, "Authorization", "Bearer "+token)
}

// TestTableHasExactlyTheRoutes: New refuses a table that lacks routes; this test finds routes too many.
func TestTableHasExactlyTheRoutes(t *testing.T) {
	s := serveTokens(t, nil)
	if len(s.mux.routes) < 30 {
		t.Errorf("only %d routes", len(s.mux.routes))
	}
	for pattern, d := range s.mux.routes {
		method, path := d.example()
		if _, got := s.mux.mux.Handler(httptest.NewRequest(method, path, nil)); got != pattern {
			t.Errorf("route %q: %s %s leads to %q", pattern, method, path, got)
		}
		if d.access == open || d.access == handlerChecks {
			continue
		}
		if strings.Contains(pattern, pathRoom) != (d.room == pathRoom) {
			t.Errorf("route %q asks for room %q", pattern, d.room)
		}
	}
	s.mux.HandleFunc("GET /back", s.health)
	if err := s.mux.err(); err == nil || !strings.Contains(err.Error(), "GET /back") {
		t.Errorf("a route that is not in the table gave %v", err)
	}
	if a := request(t, "GET", s.url+"/back"); a.status != http.StatusNotFound {
		t.Errorf("a route that is not in the table leads to %d", a.status)
	}
}

// TestOpenRoutes lists the routes without a check here a second time. The handlers that check tokens themselves have tests
// with the same bad tokens: /whip/ and /whep/ in signal/whip, /ws in signal/ws, /signaling in signal/stomp, and all of
// them in cmd/azulejo.
func TestOpenRoutes(t *testing.T) {
	var opened, themselves, anyToken []string
	for pattern, d := range serveTokens(t, nil).mux.routes {
		switch {
		case strings.HasPrefix(pattern, "GET /static/") && d.access == open:
		case d.access == open:
			opened = append(opened, pattern)
		case d.access == handlerChecks:
			themselves = append(themselves, pattern)
		case len(d.grants) == 0:
			anyToken = append(anyToken, pattern)
		}
	}
	if want := []string{"GET /{$}"}; !slices.Equal(anyToken, want) {
		t.Errorf("any good token opens %q, want %q", anyToken, want)
	}
	slices.Sort(opened)
	slices.Sort(themselves)
	if want := []string{"GET /favicon.ico", "GET /healthz", "GET /openapi.yaml", "GET /readyz"}; !slices.Equal(opened, want) {
		t.Errorf("open are %q, want %q", opened, want)
	}
	if want := []string{"/signaling", "/signaling/", "/whep/", "/whip/", "/ws"}; !slices.Equal(themselves, want) {
		t.Errorf("routes that check the token themselves are %q, want %q", themselves, want)
	}
}

// TestEveryRouteChecks walks through all routes without a token, with bad tokens, with tokens that lack a grant,
// and with tokens that have just enough.
func TestEveryRouteChecks(t *testing.T) {
	s := serveTokens(t, nil)
	for _, pattern := range slices.Sorted(maps.Keys(s.mux.routes)) {
		d := s.mux.routes[pattern]
		t.Run(pattern, func(t *testing.T) {
			needed := d.room
			if needed == pathRoom {
				needed = "yard"
			}
			bad := authtest.BadTokens(t, needed, d.grants...)
			if d.access == open || d.access == handlerChecks {
				s.wantOpen(t, d, bad)
				return
			}
			if d.room == auth.AllRooms {
				bad = append(bad, authtest.Bad{Name: "one room", Token: authtest.Token(t, "yard", auth.Admin), Code: auth.CodeForbidden, Word: "all rooms"})
			}
			for _, b := range bad {
				s.wantRefused(t, d, b)
			}
			for name, token := range enough(t, d) {
				for _, inQuery := range []bool{false, true} {
					if a := s.send(t, d, token, inQuery); a.status >= 300 {
						t.Errorf("%s: %d %s", name, a.status, a.body)
					}
				}
			}
		})
	}
	if !strings.Contains(s.log.String(), "request refused") {
		t.Error("refusals are not in the log")
	}
	for _, secret := range []string{"garbage", "eyJ", string(authtest.Secret)} { // every token starts with eyJ
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// enough are tokens with just the permission for d.
func enough(t *testing.T, d route) map[string]string {
	t.Helper()
	grants := d.grants
	if len(grants) == 0 {
		grants = []auth.Grant{auth.View}
	}
	tokens := map[string]string{
		"just enough": authtest.Token(t, auth.AllRooms, grants...),
		"admin":       authtest.Token(t, auth.AllRooms, auth.Admin),
	}
	if d.room != auth.AllRooms {
		tokens["for the room"] = authtest.Token(t, "yard", grants...)
	}
	return tokens
}

// wantOpen: a request with any token reaches the handler.
func (s *tokenServer) wantOpen(t *testing.T, d route, tokens []authtest.Bad) {
	t.Helper()
	for _, b := range tokens {
		a := s.send(t, d, b.Token, true)
		if a.status != http.StatusOK || (d.access == handlerChecks) != (a.body == "from the handler") {
			t.Errorf("%s: %d %.80s", b.Name, a.status, a.body)
		}
	}
}

// wantRefused: the answer has the reason in the form of the route, and the handler is not reached.
func (s *tokenServer) wantRefused(t *testing.T, d route, b authtest.Bad) {
	t.Helper()
	name, token, status := b.Name, b.Token, map[string]int{auth.CodeUnauthorized: 401, auth.CodeForbidden: 403}[b.Code]
	_, path := d.example()
	before := s.reached.count(path)
	for _, inQuery := range []bool{false, true} {
		a := s.send(t, d, token, inQuery)
		if d.access == api {
			a.wantProblem(t, status)
		}
		kind := map[access]string{api: "application/problem+json", page: "text/html; charset=utf-8"}[d.access]
		if a.status != status || a.header.Get("Content-Type") != kind || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d as %s", name, a.status, a.header, status, kind)
		}
		if !strings.Contains(a.body, b.Word) || token != "" && strings.Contains(a.body, token) {
			t.Errorf("%s: does not say why, or tells the token: %s", name, a.body)
		}
		if got := a.header.Get("WWW-Authenticate"); (got == "Bearer") != (status == http.StatusUnauthorized) {
			t.Errorf("%s: WWW-Authenticate is %q with %d", name, got, status)
		}
	}
	if s.reached.count(path) != before {
		t.Errorf("%s: the handler was reached", name)
	}
}

// TestOddPathsOpenNothing: the mux and the guard read the same room from a path.
func TestOddPathsOpenNothing(t *testing.T) {
	s := serveTokens(t, nil)
	token := authtest.Token(t, "garden", auth.Admin)
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(stay.CloseIdleConnections)
	for _, path := range []string{
		"/api/v1/rooms/%2A", "/api/v1/rooms/*", "/api/v1/rooms/yard%00", "/api/v1/rooms/garden%2F..%2Fyard", "/api/v1/rooms/garden/../yard",
		"/api/v1/rooms//yard", "/api/v1//rooms/yard", "//api/v1/rooms/yard", "/api/v1/rooms/y%61rd", "/api/v1/rooms/./yard", "/api/v1/rooms/yard/",
		"/api/v1/rooms/yard;garden", "/api/v1/rooms/", "/wall/*", "/wall//yard", "/metrics/", "/metrics?room=garden",
		"/api/v1/footage/yard/main/segments/..%2F..%2F..%2Fgarden", "/api/v1/footage/garden%2F../main",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := stay.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK || strings.Contains(string(body), "gate") {
			t.Errorf("%s: %d %.80s", path, res.StatusCode, body)
		}
	}
	if n := len(s.reached.paths); n > 0 {
		t.Errorf("handlers were reached at %v", s.reached.paths)
	}
}

// TestStrangeNamesOpenNothing: a server for its own machine answers no other host name, neither routes nor files.
func TestStrangeNamesOpenNothing(t *testing.T) {
	s := serveTokens(t, func(c *auth.Config) { *c = auth.Config{Local: true} })
	for _, d := range s.mux.routes {
		method, path := d.example()
		r := httptest.NewRequest(method, "http://rebound.test:8080"+path, nil)
		r.Header.Set("Origin", "http://rebound.test:8080") // the very host: the same origin
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusMisdirectedRequest || !strings.Contains(w.Body.String(), "auth.allow_open") {
			t.Errorf("%s %s: %d %.80s", method, path, w.Code, w.Body)
		}
	}
	if a := request(t, "GET", s.url+"/api/v1/rooms"); a.status != http.StatusOK || len(s.reached.paths) > 0 {
		t.Errorf("by its address: %d; handlers were reached at %v", a.status, s.reached.paths)
	}
}

func TestRefusedPageEscapesItsReason(t *testing.T) {
	s := serveTokens(t, nil)
	a := request(t, "GET", s.url+"/wall/yard?token="+authtest.Token(t, "<b>garden</b>", auth.View))
	if a.status != http.StatusForbidden || strings.Contains(a.body, "<b>") || !strings.Contains(a.body, "garden") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTooManyFailuresAreTold(t *testing.T) {
	s := serveTokens(t, func(c *auth.Config) { c.FailuresPerMinute = 2 })
	for range 2 {
		request(t, "GET", s.url+"/api/v1/rooms").wantProblem(t, http.StatusUnauthorized)
	}
	a := request(t, "GET", s.url+"/api/v1/rooms")
	a.wantProblem(t, http.StatusTooManyRequests)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	a = request(t, "GET", s.url+"/wall/yard")
	if a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "Too many tries") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// FuzzRoutes: no request for the room yard succeeds with a token for the room garden.
func FuzzRoutes(f *testing.F) {
	for _, d := range routeTable(nil) {
		method, path := d.example()
		f.Add(method, path, "Bearer x")
	}
	f.Add("GET", "/api/v1/rooms/yard%2f", "bearer")
	h := &registry{rooms: []room.Info{yard()}}
	token := authtest.Token(f, "garden", auth.Admin)
	s, err := New(Config{Rooms: h, Footage: h, Guard: authtest.Guard(f, authtest.Config()), Media: &handled{paths: map[string]int{}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target, header string) {
		for _, value := range []string{header, "Bearer " + token} {
			r, bad := http.NewRequest(method, "http://azulejo.test", nil)
			if bad != nil {
				return
			}
			if r.URL, bad = r.URL.Parse(target); bad != nil {
				return
			}
			r.Header.Set("Authorization", value)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), `"participants"`) && strings.Contains(w.Body.String(), "gate") {
				t.Errorf("%s %s with %q: %s", method, target, header, w.Body)
			}
		}
	})
}
