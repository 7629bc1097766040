package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"azulejo/signal/room"
)

func TestRoomsAPI(t *testing.T) {
	srv := serveTest(t, &registry{rooms: []room.Info{yard()}}, nil)
	a := request(t, "GET", srv.URL+"/api/v1/rooms")
	var list struct{ Rooms []room.Info }
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list.Rooms) != 1 {
		t.Fatalf("%d %s (%v)", a.status, a.body, err)
	}
	if p := list.Rooms[0].Participants[0]; p.Name != "gate" || p.Width != 640 || p.State != "live" {
		t.Errorf("participant %+v", p)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q, want no-store", got)
	}
	a = request(t, "GET", srv.URL+"/api/v1/rooms/yard")
	if a.status != 200 || !strings.Contains(a.body, `"sinks":4`) || !strings.Contains(a.body, `"views":[]`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if strings.Contains(a.body, "$schema") {
		t.Errorf("answer carries $schema: %s", a.body)
	}
}

func TestNoRoomsIsAnEmptyList(t *testing.T) {
	srv := serveTest(t, &registry{}, nil)
	if a := request(t, "GET", srv.URL+"/api/v1/rooms"); strings.TrimSpace(a.body) != `{"rooms":[]}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTimelineAPI(t *testing.T) {
	h := &registry{}
	srv := serveTest(t, h, nil)
	base := srv.URL + "/api/v1/footage/yard"
	a := request(t, "GET", base)
	if strings.TrimSpace(a.body) != `{"room":"yard","streams":[{"name":"main"}]}` || h.where != "yard" {
		t.Errorf("streams of %s: %d %s", h.where, a.status, a.body)
	}
	a = request(t, "GET", base+"/main?from=2026-03-01T04:12:00%2B01:00&to=1772338320000")
	if a.status != 200 || !strings.Contains(a.body, `"gaps":[]`) || !strings.Contains(a.body, `"where":"store"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	from, to := time.Date(2026, 3, 1, 3, 12, 0, 0, time.UTC), time.Date(2026, 3, 1, 4, 12, 0, 0, time.UTC)
	if h.where != "yard/main" || !h.asked[0].Equal(from) || !h.asked[1].Equal(to) {
		t.Errorf("asked for %s %v, want yard/main %v to %v", h.where, h.asked, from, to)
	}
	if request(t, "GET", base+"/Loading%20dock%20%EC%A0%95%EB%AC%B8"); h.where != "yard/Loading dock 정문" {
		t.Errorf("a camera's name arrived as %q", h.where)
	}
	request(t, "GET", base+"/main")
	if got := h.asked[1].Sub(h.asked[0]); got != 24*time.Hour {
		t.Errorf("without a range %v was read, want a day", got)
	}
}

func TestTimelineRefusesBadRanges(t *testing.T) {
	srv := serveTest(t, &registry{}, nil)
	for query, want := range map[string]string{
		"from=yesterday":                 "RFC 3339",
		"to=12:00":                       "RFC 3339",
		"from=2000&to=1000":              "before",
		"from=0&to=2026-01-01T00:00:00Z": "31 days",
	} {
		a := request(t, "GET", srv.URL+"/api/v1/footage/yard/main?"+query)
		a.wantProblem(t, 422)
		if !strings.Contains(a.body, want) || !strings.Contains(a.body, `"location":"query.`) {
			t.Errorf("%s: %s does not mention %q and the parameter", query, a.body, want)
		}
	}
}

// TestTimelineRefusesBadNames: a name is limited to 400 bytes; 128 letters can have more.
func TestTimelineRefusesBadNames(t *testing.T) {
	h := &registry{}
	var log strings.Builder
	srv := serveTest(t, h, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, name := range []string{strings.Repeat("💥", 101), strings.Repeat("x", 129), "a%09b", "%20x", "%FF"} {
		a := request(t, "GET", srv.URL+"/api/v1/footage/yard/"+name)
		a.wantProblem(t, 422)
		if !strings.Contains(a.body, `"location":"path.stream"`) {
			t.Errorf("%s: %s does not name the parameter", name, a.body)
		}
	}
	a := request(t, "GET", srv.URL+"/api/v1/footage/yard/"+strings.Repeat("💥", 101))
	if !strings.Contains(a.body, "at most 400 bytes") {
		t.Errorf("%s does not say what is accepted", a.body)
	}
	if h.where != "" || log.Len() > 0 {
		t.Errorf("the store was asked for %q; log: %s", h.where, log.String())
	}
	if a = request(t, "GET", srv.URL+"/api/v1/footage/yard/"+strings.Repeat("é", 128)); a.status != 200 {
		t.Errorf("a name of 128 letters: %d %s", a.status, a.body)
	}
}

func TestStoreTroubleStaysInTheLog(t *testing.T) {
	srv := serveTest(t, &registry{err: errors.New("bucket secret-bucket: access denied")}, nil)
	for _, path := range []string{"/api/v1/footage/yard", "/api/v1/footage/yard/main"} {
		a := request(t, "GET", srv.URL+path)
		a.wantProblem(t, 503)
		if strings.Contains(a.body, "bucket") {
			t.Errorf("%s tells the world %s", path, a.body)
		}
	}
}

func TestWithoutFootage(t *testing.T) {
	srv := serveTest(t, &registry{}, func(c *Config) { c.Footage = nil })
	request(t, "GET", srv.URL+"/api/v1/footage/yard").wantProblem(t, 503)
	request(t, "GET", srv.URL+"/api/v1/footage/yard/main").wantProblem(t, 503)
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	srv := serveTest(t, &registry{}, nil)
	a := request(t, "GET", srv.URL+"/openapi.yaml")
	var doc struct {
		OpenAPI string                    `yaml:"openapi"`
		Paths   map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(a.body), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("openapi.yaml: %d %q %v", a.status, doc.OpenAPI, err)
	}
	if !strings.Contains(a.body, "bearerFormat: JWT") {
		t.Error("openapi.yaml does not say how a token is shown")
	}
	for _, path := range []string{
		"/api/v1/rooms", "/api/v1/rooms/{room}", "/api/v1/footage/{room}", "/api/v1/footage/{room}/{stream}",
		"/api/v1/footage/{room}/{stream}/index.m3u8", "/api/v1/footage/{room}/{stream}/init/{name}",
		"/api/v1/footage/{room}/{stream}/segments/{name}",
	} {
		if doc.Paths[path]["get"] == nil {
			t.Errorf("openapi.yaml lacks GET %s", path)
		}
	}
}
