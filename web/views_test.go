package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

func TestPutView(t *testing.T) {
	h := &registry{rooms: []room.Info{yard()}}
	srv := serveTest(t, h, nil)
	url := srv.URL + "/api/v1/rooms/yard/views/door"
	a := requestWith(t, "PUT", url, `{"layout":"spotlight","spotlight":"정문","exclude":["x"],"w":720,"h":1280,"fps":10,"capacity":9,"page":2,"cycle":5,"fill":true,"noLabels":true}`)
	if a.status != http.StatusCreated || !strings.Contains(a.body, `"name":"door"`) || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	want := room.ViewInfo{Name: "door", View: mixer.View{
		Layout: mixer.KindSpotlight, Spotlight: "정문", Exclude: []string{"x"},
		Width: 720, Height: 1280, FPS: 10, Capacity: 9, Page: 2, Cycle: 5, Fill: true, NoLabels: true,
	}}
	if d := cmp.Diff([]room.ViewInfo{want}, h.rooms[0].Views); d != "" {
		t.Errorf("views (-want +got):\n%s", d)
	}
	a = requestWith(t, "PUT", url, `{"layout":"custom","tiles":[{"x":0,"y":0,"w":1,"h":0.5}]}`)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"tiles":[{"x":0,"y":0,"w":1,"h":0.5}]`) {
		t.Errorf("the second time: %d %s", a.status, a.body)
	}
}

// TestViewsOfARealRoom: the room has the view that was put, and a refusal names its reason.
func TestViewsOfARealRoom(t *testing.T) {
	rooms, err := room.NewRegistry(room.Config{
		Engine: mixertest.Start,
		Mixer:  mixer.Config{Width: 64, Height: 64, FPS: 5}, Rooms: map[string]room.Settings{"hall": {}},
	}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- rooms.Run(ctx) }()
	defer func() {
		cancel()
		if ended := <-done; ended != nil {
			t.Error(ended)
		}
	}()
	member, err := rooms.Join(ctx, "hall", room.Joining{}) // the room is open after this
	if err != nil {
		t.Fatal(err)
	}
	defer member.Leave()
	srv := serveTest(t, nil, func(c *Config) { c.Rooms = rooms })
	url := srv.URL + "/api/v1/rooms/hall/views/"
	for i, want := range []int{http.StatusCreated, http.StatusOK} {
		a := requestWith(t, "PUT", url+"door", `{"layout":"pip"}`)
		if a.status != want || strings.TrimSpace(a.body) != `{"name":"door","layout":"pip","w":64,"h":64,"fps":5}` {
			t.Errorf("put %d: %d %s, want %d", i+1, a.status, a.body, want)
		}
	}
	if a := request(t, "GET", srv.URL+"/api/v1/rooms/hall"); !strings.Contains(a.body, `{"name":"door","layout":"pip"`) {
		t.Errorf("the room is %s", a.body)
	}
	a := requestWith(t, "PUT", url+"door", `{"layout":"custom"}`)
	a.wantProblem(t, 422)
	if !strings.Contains(a.body, `"location":"body.tiles"`) {
		t.Errorf("%s does not name the field", a.body)
	}
	for path, want := range map[string]int{"main": 204, "door": 204, "nothing": 404} {
		if a := request(t, "DELETE", url+path); a.status != want {
			t.Errorf("delete %s: %d %s, want %d", path, a.status, a.body, want)
		}
	}
	request(t, "DELETE", url+"door").wantProblem(t, 404)
}

// TestBadViewsAreNamed: every error names the field and the accepted values.
func TestBadViewsAreNamed(t *testing.T) {
	srv := serveTest(t, &registry{rooms: []room.Info{yard()}}, nil)
	for body, want := range map[string][]string{
		`{"layout":"heap"}`:                     {"body.layout", "grid, spotlight, pip, speaker, focus, custom"},
		`{"layout":"custom"}`:                   {"body.tiles", "1 to 64"},
		`{"w":33}`:                              {"body.w", "even numbers"},
		`{"w":"wide"}`:                          {"body.w", "integer"},
		`{"fps":61}`:                            {"body.fps", "1 to 60"},
		`{"colour":"blue"}`:                     {"body.colour", "unexpected"},
		`{"layout":"custom","tiles":[{"x":0}]}`: {"body.tiles[0]", "required"},
		`{"layout":"custom","tiles":[{"x":0.5,"y":0,"w":0.6,"h":1}]}`: {"body.tiles[0].x", "0 to 0.4"},
	} {
		a := requestWith(t, "PUT", srv.URL+"/api/v1/rooms/yard/views/door", body)
		a.wantProblem(t, 422)
		for _, w := range append(want, `"location":"body.`) {
			if !strings.Contains(a.body, w) {
				t.Errorf("%s: %s does not say %q", body, a.body, w)
			}
		}
	}
	requestWith(t, "PUT", srv.URL+"/api/v1/rooms/yard/views/door", `{"layout":`).wantProblem(t, 400)
	requestWith(t, "PUT", srv.URL+"/api/v1/rooms/yard/views/door", "").wantProblem(t, 400)
	requestWith(t, "PUT", srv.URL+"/api/v1/rooms/yard/views/..%2Fdoor", "{}").wantProblem(t, 422)
	requestWith(t, "PUT", srv.URL+"/api/v1/rooms/yard/views/"+strings.Repeat("x", 65), "{}").wantProblem(t, 422)
	requestWith(t, "PUT", srv.URL+"/api/v1/rooms/nobody/views/door", "{}").wantProblem(t, 404)
}

func TestDeleteView(t *testing.T) {
	h := &registry{rooms: []room.Info{yard()}}
	srv := serveTest(t, h, nil)
	base := srv.URL + "/api/v1/rooms/"
	request(t, "DELETE", base+"yard/views/door").wantProblem(t, 404)
	request(t, "DELETE", base+"nobody/views/door").wantProblem(t, 404)
	requestWith(t, "PUT", base+"yard/views/door", "{}")
	if a := request(t, "DELETE", base+"yard/views/door"); a.status != http.StatusNoContent || a.body != "" || h.where != "yard/door" {
		t.Errorf("%d %q; %s was deleted", a.status, a.body, h.where)
	}
}

func TestViewTrouble(t *testing.T) {
	var log strings.Builder
	h := &registry{rooms: []room.Info{yard()}}
	srv := serveTest(t, h, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	url := srv.URL + "/api/v1/rooms/yard/views/door"
	requestWith(t, "PUT", url, "{}")
	for _, code := range []string{room.CodeRecorded, room.CodeViews} {
		h.err = refusal.New(code, "the room has its reasons")
		for _, method := range []string{"PUT", "DELETE"} {
			a := requestWith(t, method, url, "{}")
			a.wantProblem(t, 409)
			if !strings.Contains(a.body, "its reasons") {
				t.Errorf("%s: %s does not say why", method, a.body)
			}
		}
	}
	h.err = errors.New("secret pointer 0x12")
	a := requestWith(t, "PUT", url, "{}")
	a.wantProblem(t, 500)
	if strings.Contains(a.body, "secret") || !strings.Contains(log.String(), "secret pointer") {
		t.Errorf("the answer is %s, the log %s; want the reason in the log alone", a.body, log.String())
	}
}

func TestOpenAPIDescribesViews(t *testing.T) {
	srv := serveTest(t, &registry{}, nil)
	a := request(t, "GET", srv.URL+"/openapi.yaml")
	type schema struct {
		Enum       []string
		Properties map[string]schema
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]any
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := yaml.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	for method, codes := range map[string]string{"put": "200 201 404 409 422", "delete": "204 404 409 422"} {
		for code := range strings.FieldsSeq(codes) {
			if doc.Paths[viewsPath][method].Responses[code] == nil {
				t.Errorf("%s has no response %s", method, code)
			}
		}
	}
	view := doc.Components.Schemas["View"].Properties
	if got := strings.Join(view["layout"].Enum, " "); got != "grid spotlight pip speaker focus custom" {
		t.Errorf("layouts are %q", got)
	}
	for _, field := range strings.Fields("layout spotlight exclude tiles w h fps capacity page cycle fill noLabels") {
		if _, ok := view[field]; !ok {
			t.Errorf("a view has no %s", field)
		}
		if _, ok := doc.Components.Schemas["ViewInfo"].Properties[field]; !ok {
			t.Errorf("a described view has no %s", field)
		}
	}
}
