package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"azulejo/signal/refusal"
)

func TestWithoutTokensEverybodyMayDoEverything(t *testing.T) {
	for _, mode := range []string{"", ModeNone} {
		g := guard(t, func(c *Config) { c.Mode, c.Secret = mode, "" })
		for _, token := range []string{"", "garbage"} {
			p, err := g.Admit(Ask{Token: token, Room: AllRooms, Grants: []Grant{Admin, Footage}, Join: true})
			if err != nil || p.Name != "" || !p.Expires.IsZero() {
				t.Errorf("mode %q, token %q: %+v, %v", mode, token, p, err)
			}
		}
	}
}

func TestBadConfigurationIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"auth.mode", func(c *Config) { c.Mode = "password" }},
		{"auth.secret", func(c *Config) { c.Secret = "" }},
		{"auth.secret", func(c *Config) { c.Secret = secret[1:] }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"example.org"} }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"https://example.org/"} }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"https://user@example.org"} }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"ftp://example.org"} }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"https://", "*"} }},
		{"auth.origins[0]", func(c *Config) { c.Origins = []string{"null"} }},
		{"limits.joins_per_minute", func(c *Config) { c.JoinsPerMinute = -1 }},
		{"limits.failures_per_minute", func(c *Config) { c.FailuresPerMinute = maxRate + 1 }},
	} {
		cfg := Config{Mode: ModeToken, Secret: secret}
		c.change(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.HasPrefix(err.Error(), c.name+": ") || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%s: got %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), string(secret[1:])) {
			t.Errorf("%s tells the secret: %v", c.name, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ permitted, asked, want string }{
		{"", "Maria", "Maria"},
		{"", "", ""},
		{"", " Maria ", " Maria "},
		{"Maria", "Maria", "Maria"},
		{"Maria", "", "Maria"},
		{"Maria", " Maria ", "Maria"},
	} {
		if got, err := (Permit{Name: c.permitted}).Named(c.asked); err != nil || got != c.want {
			t.Errorf("token for %q, asked for %q: %q, %v", c.permitted, c.asked, got, err)
		}
	}
	for _, asked := range []string{"Mario", "maria", "Maria2"} {
		_, err := (Permit{Name: "Maria"}).Named(asked)
		wantCode(t, err, CodeForbidden, "Maria")
	}
}

func TestTokenOfRequest(t *testing.T) {
	for _, c := range []struct{ header, query, want string }{
		{"", "", ""},
		{"", "?token=abc", "abc"},
		{"Bearer abc", "", "abc"},
		{"bearer  abc ", "", "abc"},
		{"Bearer abc", "?token=def", "abc"},
		{"Bearer", "?token=def", ""},
		{"Basic abc", "?token=def", "def"},
		{"Bearerabc", "", ""},
	} {
		r := httptest.NewRequest("GET", "/join/yard"+c.query, nil)
		r.Header.Set("Authorization", c.header)
		if got := TokenOf(r); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.header, c.query, got, c.want)
		}
	}
}

func TestOrigins(t *testing.T) {
	listed := []string{"https://example.org", "http://Example.net:8443", "https://plain.test:443"}
	for _, c := range []struct {
		origin string
		list   []string
		want   bool
	}{
		{"", nil, true},
		{"https://azulejo.test:8080", nil, true},
		{"http://AZULEJO.test:8080", nil, true},
		{"https://azulejo.test", nil, false},
		{"https://azulejo.test:8081", nil, false},
		{"https://evil.test", nil, false},
		{"https://azulejo.test:8080.evil.test", nil, false},
		{"https://azulejo.test:8080@evil.test", nil, false},
		{"null", nil, false},
		{"null", listed, false},
		{"%%%", nil, false},
		{"https://evil.test", []string{"*"}, true},
		{"null", []string{"*"}, true},
		{"https://example.org", listed, true},
		{"https://EXAMPLE.org", listed, true},
		{"http://example.org", listed, false},
		{"https://example.org:444", listed, false},
		{"https://sub.example.org", listed, false},
		{"https://example.org.evil.test", listed, false},
		{"http://example.net:8443", listed, true},
		{"http://example.net", listed, false},
		{"https://plain.test", listed, true},
		{"http://plain.test", listed, false},
		{"https://azulejo.test:8080/", nil, false},
		{"https://user@azulejo.test:8080", nil, false},
		{"https://azulejo.test:80800", nil, false},
	} {
		g := guard(t, func(cfg *Config) { cfg.Origins = c.list })
		r := httptest.NewRequest("GET", "http://azulejo.test:8080/ws", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := g.AllowsOrigin(r); got != c.want {
			t.Errorf("origin %q with %v: %v, want %v", c.origin, c.list, got, c.want)
		}
	}
}

// TestDefaultPorts: a proxy may write the default port into Host, which browsers leave out of Origin.
func TestDefaultPorts(t *testing.T) {
	for _, c := range []struct {
		origin, host string
		want         bool
	}{
		{"https://azulejo.test", "azulejo.test:443", true},
		{"http://azulejo.test", "azulejo.test:80", true},
		{"https://azulejo.test", "azulejo.test:80", false},
		{"http://azulejo.test", "azulejo.test:443", false},
		{"https://azulejo.test:8443", "azulejo.test:8", false},
		{"https://[::1]:443", "[::1]", true},
	} {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.Host = c.host
		r.Header.Set("Origin", c.origin)
		if got := guard(t, nil).AllowsOrigin(r); got != c.want {
			t.Errorf("origin %q at %q: %v, want %v", c.origin, c.host, got, c.want)
		}
	}
}

// TestLocalServersHaveNoOtherNames: a page of a host that resolves to the server's address gets no access.
func TestLocalServersHaveNoOtherNames(t *testing.T) {
	for _, c := range []struct {
		host string
		want bool
	}{
		{"localhost", true},
		{"LocalHost:8080", true},
		{"localhost.:8080", true},
		{"azulejo.localhost:8080", true},
		{"127.0.0.1:8080", true},
		{"[::1]:8080", true},
		{"192.0.2.1", true},
		{"", true}, // no browser
		{"studio.example:8443", true},
		{"evil.test:8080", false},
		{"evil.test.:8080", false},
		{"localhost.evil.test", false},
		{"127.0.0.1.evil.test:8080", false},
		{"notlocalhost", false},
		{"evil.test@localhost:x", false},
	} {
		r := httptest.NewRequest("GET", "/api/v1/rooms", nil)
		r.Host = c.host
		for local, want := range map[bool]bool{true: c.want, false: true} {
			g := guard(t, func(cfg *Config) { cfg.Local, cfg.Origins = local, []string{"https://Studio.example"} })
			if got := g.AllowsHost(r); got != want {
				t.Errorf("host %q, local %v: %v, want %v", c.host, local, got, want)
			}
		}
	}
}

// FuzzOrigin: an accepted origin is that of this host or an allowed one, letter by letter.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"", "null", "https://example.org", "https://azulejo.test:8080", "http://azulejo.test:8080@evil.test", "//azulejo.test:8080", "https://azulejo.test:8080#x", "a:b"} {
		f.Add(s)
	}
	g := guard(f, func(c *Config) { c.Origins = []string{"https://example.org"} })
	f.Fuzz(func(t *testing.T, origin string) {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.Host = "azulejo.test:8080"
		r.Header.Set("Origin", origin)
		_, host, _ := strings.Cut(strings.ToLower(origin), "://")
		ours := origin == "" || host == r.Host || strings.TrimSuffix(strings.ToLower(origin), ":443") == "https://example.org"
		if g.AllowsOrigin(r) && !ours {
			t.Errorf("the page of %q was let in", origin)
		}
	})
}

// TestRequestWithoutHost: HTTP/1.0 allows a request without Host, which an opaque origin must not match.
func TestRequestWithoutHost(t *testing.T) {
	r := httptest.NewRequest("GET", "/ws", nil)
	r.Host = ""
	r.Header.Set("Origin", "null")
	if guard(t, nil).AllowsOrigin(r) {
		t.Error("an opaque origin was taken for this host")
	}
}

func TestRefusalsInHTTP(t *testing.T) {
	for _, c := range []struct {
		err          error
		status       int
		name, header string
	}{
		{refusal.New(CodeUnauthorized, "x"), 401, "WWW-Authenticate", "Bearer"},
		{fmt.Errorf("wrapped: %w", refusal.New(CodeForbidden, "x")), 403, "", ""},
		{refusal.New(CodeTooMany, "x"), 429, "Retry-After", "10"},
		{refusal.New("bad_room", "x"), 0, "", ""},
		{errors.New("x"), 0, "", ""},
		{nil, 0, "", ""},
	} {
		h := http.Header{}
		if got := Answer(h, c.err); got != c.status || h.Get(c.name) != c.header || (c.name == "" && len(h) > 0) {
			t.Errorf("%v: %d %v, want %d %s: %s", c.err, got, h, c.status, c.name, c.header)
		}
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Mode: ModeToken, Secret: secret}
	ask := Ask{Token: mint(t, "yard", "", View), Room: "yard"}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "ask", ask, "secret", cfg.Secret)
	fmt.Fprintf(&log, "%v %+v %#v %s %q", cfg, cfg, cfg, cfg.Secret, cfg.Secret)
	if strings.Contains(log.String(), string(secret)) || strings.Contains(log.String(), ask.Token) {
		t.Errorf("a secret is in %s", log.String())
	}
	if !strings.Contains(log.String(), `"room":"yard"`) {
		t.Errorf("the ask is not in %s", log.String())
	}
}

// TestManyAsks is for the race detector.
func TestManyAsks(t *testing.T) {
	g := guard(t, nil)
	good := mint(t, "yard", "", View)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				if _, err := g.Admit(Ask{Token: good, Room: "yard", Remote: fmt.Sprintf("192.0.2.%d:1", i%2), Join: true}); err != nil {
					t.Error(err)
				}
				if _, err := g.Admit(Ask{Token: "x", Remote: "192.0.2.9:1"}); err == nil {
					t.Error("a bad token came in")
				}
			}
		})
	}
	all.Wait()
}
