package viewing

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

var named = map[string]mixer.View{
	"main":  {},
	"turns": {Cycle: 10},
	"gates": {Layout: mixer.KindSpotlight, Spotlight: "gate", Exclude: []string{"hall"}},
	"halves": {Layout: mixer.KindCustom, Tiles: []mixer.Fraction{
		{W: 0.5, H: 1}, {X: 0.5, W: 0.5, H: 1},
	}},
}

func selectFrom(t *testing.T, now choice, text string) (choice, error) {
	t.Helper()
	var s Selection
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return now, Misread("view", err)
	}
	return s.applyTo(now, named)
}

// TestSelections: present fields replace the view, absent ones change nothing.
func TestSelections(t *testing.T) {
	for text, want := range map[string]mixer.Watching{
		`{}`:                                   {Name: "main"},
		`{"view":""}`:                          {Name: "main"},
		`{"view":"gates","rung":"360p"}`:       {Name: "gates", Rung: "360p"},
		`{"view":"gates","exclude":[]}`:        {Name: "gates"},
		`{"view":"gates","spotlight":"gate"}`:  {Name: "gates"},
		`{"layout":null,"exclude":null}`:       {Name: "main"},
		`{"spotlight":"Ana"}`:                  {View: &mixer.View{Layout: mixer.KindSpotlight, Spotlight: "Ana"}},
		`{"spotlight":"Ana","layout":"focus"}`: {View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "Ana"}},
		`{"spotlight":"Ana","layout":"grid"}`:  {View: &mixer.View{Layout: mixer.KindGrid, Spotlight: "Ana"}},
		`{"layout":"spotlight"}`:               {View: &mixer.View{Layout: mixer.KindSpotlight}},
		`{"exclude":"Ana"}`:                    {View: &mixer.View{Exclude: []string{"Ana"}}},
		`{"view":"gates","exclude":["a","b"]}`: {View: &mixer.View{Layout: mixer.KindSpotlight, Spotlight: "gate", Exclude: []string{"hall", "a", "b"}}},
		`{"view":"gates","spotlight":""}`:      {View: &mixer.View{Layout: mixer.KindSpotlight, Exclude: []string{"hall"}}},
		`{"view":"halves","spotlight":"Ana"}`:  {View: &mixer.View{Layout: mixer.KindSpotlight, Spotlight: "Ana"}},
		`{"view":"halves","layout":"grid"}`:    {View: &mixer.View{Layout: mixer.KindGrid}},
		`{"page":2}`:                           {View: &mixer.View{Page: 2}},
		`{"view":"turns","page":3}`:            {View: &mixer.View{Page: 3}},
		`{"view":"gates","layout":{"fps":5}}`:  {View: &mixer.View{FPS: 5}},
		`{"layout":{"layout":"pip","w":720,"h":1280,"exclude":["x"]},"spotlight":"Ana","exclude":"y"}`: {
			View: &mixer.View{Layout: mixer.KindPiP, Spotlight: "Ana", Exclude: []string{"x", "y"}, Width: 720, Height: 1280},
		},
	} {
		got, err := selectFrom(t, firstChoice(), text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got.watch); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if !reflect.DeepEqual(named["gates"].Exclude, []string{"hall"}) {
		t.Errorf("the named view was written to: %v", named["gates"])
	}
}

// TestSelectionsFollow: a spotlight on a named view, another rung, and back.
func TestSelectionsFollow(t *testing.T) {
	now := firstChoice()
	for _, step := range []struct {
		text, named, name, rung string
		spotlight               string
	}{
		{`{"view":"gates"}`, "gates", "gates", "", ""},
		{`{"spotlight":"Ana"}`, "gates", "", "", "Ana"},
		{`{"rung":"180p"}`, "gates", "", "180p", "Ana"},
		{`{"spotlight":"Rui"}`, "gates", "", "180p", "Rui"},
		{`{"view":"gates"}`, "gates", "gates", "180p", ""},
		{`{"view":"main","rung":"auto"}`, "main", "main", "auto", ""},
	} {
		next, err := selectFrom(t, now, step.text)
		if err != nil {
			t.Fatalf("%s: %v", step.text, err)
		}
		spotlight := ""
		if next.watch.View != nil {
			spotlight = next.watch.View.Spotlight
		}
		if next.named != step.named || next.name() != step.name || next.watch.Rung != step.rung || spotlight != step.spotlight {
			t.Errorf("%s: got %+v; want %+v", step.text, next, step)
		}
		now = next
	}
}

// TestDeletedViews: viewers of a deleted view watch main, and their next selection starts from main.
func TestDeletedViews(t *testing.T) {
	now, err := selectFrom(t, firstChoice(), `{"view":"gates","rung":"360p"}`)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]mixer.View{"main": {}}
	now = now.among(left)
	if now.name() != "main" || now.watch.Rung != "360p" {
		t.Errorf("after gates was deleted: %+v; want main", now)
	}
	who := "Ana"
	if now, err = (Selection{Spotlight: &who}).applyTo(now, left); err != nil || now.named != "main" {
		t.Errorf("a spotlight after that: %+v, %v", now, err)
	}
	if now = now.among(map[string]mixer.View{"main": {}}); now.name() != "" || now.watch.View == nil {
		t.Errorf("a personal view was taken for a named one: %+v", now)
	}
}

// TestBadSelections: the refusal names what was wrong and what is accepted.
func TestBadSelections(t *testing.T) {
	for text, want := range map[string][]string{
		`{"view":"yard"}`:                   {"unsupported", `"yard"`, "gates, halves, main, turns"},
		`{"rung":"4k"}`:                     {"unsupported", `"4k"`, "such as 720p", "auto"},
		`{"layout":"heap"}`:                 {"bad_view", `"heap"`, "grid, spotlight, pip, speaker, focus, custom"},
		`{"layout":"custom"}`:               {"bad_view", "tiles", "accepted"},
		`{"layout":{"kind":"grid"}}`:        {"bad_view", `"kind"`, "accepted: layout, spotlight, exclude, tiles"},
		`{"layout":{"tiles":[{"left":0}]}}`: {"bad_view", `"left"`, "accepted"},
		`{"layout":{"w":"wide"}}`:           {"bad_view", `"w" is a string`, "number"},
		`{"layout":{"w":7}}`:                {"bad_view", "w: 7", "even"},
		`{"layout":7}`:                      {"bad_view", "grid, spotlight", "an object"},
		`{"layout":[]}`:                     {"bad_view", "an object"},
		`{"exclude":7}`:                     {"bad_message", `"exclude" is 7`, "a string or a list of strings"},
		`{"exclude":["a",7]}`:               {"bad_message", `"exclude"`, "a list of strings"},
		`{"spotlight":7}`:                   {"bad_message", `"spotlight" is a number`, "string"},
		`{"page":-1}`:                       {"bad_view", "page: -1", "1 to"},
		`{"page":"next"}`:                   {"bad_message", `"page" is a string`, "number"},
		`{"exclude":[""]}`:                  {"bad_view", "exclude[0]", "accepted"},
	} {
		_, err := selectFrom(t, firstChoice(), text)
		if err == nil {
			t.Errorf("%s was taken", text)
			continue
		}
		var m *refusal.Error
		if !errors.As(err, &m) {
			t.Fatalf("%s: %v; want a refusal", text, err)
		}
		for _, word := range want {
			if !strings.Contains(m.Code+": "+m.Message, word) {
				t.Errorf("%s: %s: %s; want it to say %q", text, m.Code, m.Message, word)
			}
		}
	}
}

// TestViewFieldsAreThose of the mixer's view.
func TestViewFieldsAreThose(t *testing.T) {
	var all []string
	for f := range reflect.TypeFor[mixer.View]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
	}
	if got := strings.Join(all, ", "); got != viewFields {
		t.Errorf("a view has %s; the errors say %s", got, viewFields)
	}
}
