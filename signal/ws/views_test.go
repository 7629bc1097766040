package ws_test

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
	"azulejo/mixer/mixertest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest/await"
)

// showsIn tells whether the screen shows p in the middle of the tile that the layout gives the source.
func showsIn(tv *mixertest.Screen, l client.Layout, name string, p mixertest.Video) bool {
	i := slices.IndexFunc(l.Tiles, func(t mixer.TileInfo) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	tile := l.Tiles[i]
	r := layout.Fit(p.Width, p.Height, layout.Rect{X: tile.X, Y: tile.Y, W: tile.W, H: tile.H})
	got, ok := tv.Mean(func(all image.Rectangle) image.Rectangle {
		scaled := func(v int) int { return v * all.Dx() / l.Canvas.W }
		return image.Rect(scaled(r.X), scaled(r.Y), scaled(r.X+r.W), scaled(r.Y+r.H)).Inset(4)
	})
	return ok && mixertest.Near(got, p.Colour, tolerance)
}

// largest is the name on the largest tile.
func largest(l client.Layout) string {
	name, area := "", 0
	for _, t := range l.Tiles {
		if t.W*t.H > area {
			name, area = t.Name, t.W*t.H
		}
	}
	return name
}

// TestViews: the layout agrees with the video in a named view, in a personal one, at another rung and after the return to
// main; a publisher gets the size of its tile.
func TestViews(t *testing.T) {
	s := serve(t, setup{})
	all := tenPictures()[:3]
	names := []string{"a", "b", "c"}
	publishers := make([]*client.Client, len(all))
	for i, p := range all {
		publishers[i], _ = s.publishPicture(t, names[i], p)
	}
	viewer, tv := s.view(t, mixer.H264)
	agrees := func() bool {
		l := viewer.Status().Layout
		for i, p := range all {
			if !showsIn(tv, l, names[i], p) {
				return false
			}
		}
		return len(l.Tiles) == len(all)
	}
	await.Until(t, "the layout of main agrees with the picture", agrees)
	if l := viewer.Status().Layout; l.View != "main" || l.Canvas != (mixer.Size{W: width, H: height}) || l.Hidden != 0 {
		t.Errorf("the layout is %+v", l)
	}
	await.Until(t, "b gets the size of its tile", func() bool { return publishers[1].Status().Tile == client.Tile{Width: 320, Height: 180} })

	selecting(t, viewer, client.Selection{Spotlight: publishers[1].ID()})
	await.Until(t, "b is in the spotlight", func() bool {
		l := viewer.Status().Layout
		return l.View == "" && largest(l) == "b" && agrees()
	})
	await.Until(t, "b gets the size of its larger tile", func() bool { return publishers[1].Status().Tile.Width > 320 })

	selecting(t, viewer, client.Selection{Rung: "180p"})
	await.Until(t, "the same at 180p", func() bool {
		r := viewer.Rendition()
		return r.Width == 320 && r.Height == 180 && largest(viewer.Status().Layout) == "b" && agrees()
	})

	selecting(t, viewer, client.Selection{View: "main", Exclude: []string{"b", publishers[2].ID()}, Rung: "auto"})
	await.Until(t, "a alone", func() bool {
		l := viewer.Status().Layout
		return len(l.Tiles) == 1 && l.View == "" && viewer.Rendition().Width == width && showsIn(tv, l, "a", all[0])
	})
	await.Until(t, "nobody sees b", func() bool { return publishers[1].Status().Tile == client.Tile{} })

	selecting(t, viewer, client.Selection{View: "main"})
	await.Until(t, "back in main", func() bool { return viewer.Status().Layout.View == "main" && agrees() })
}

func selecting(t *testing.T, c *client.Client, s client.Selection) {
	t.Helper()
	if err := c.Select(s); err != nil {
		t.Fatal(err)
	}
}

// TestNamedViews: a view is made, watched, changed while it is watched, and deleted; the viewer's connection goes on.
func TestNamedViews(t *testing.T) {
	s := serve(t, setup{})
	p := tenPictures()[0]
	s.publishPicture(t, "a", p)
	s.publishPicture(t, "b", p)
	set := func(v mixer.View) {
		t.Helper()
		if err := s.registry.SetView("yard", "tall", v); err != nil {
			t.Fatal(err)
		}
	}
	set(mixer.View{Width: 180, Height: 320, FPS: 5})
	refusals := make(chan string, 8)
	tv := newScreen(t)
	viewer := s.dial(t, client.Config{
		View: true, Select: client.Selection{View: "tall"}, OnVideo: tv.Decode, OnError: func(code, _ string) { refusals <- code },
	})
	tall := func(n int) func() bool {
		return func() bool {
			l := viewer.Status().Layout
			return l.View == "tall" && l.Canvas == mixer.Size{W: 180, H: 320} && len(l.Tiles) == n
		}
	}
	await.Until(t, "the tall view", tall(2))
	set(mixer.View{Width: 180, Height: 320, FPS: 5, Exclude: []string{"b"}})
	await.Until(t, "the tall view without b", tall(1))
	for want, bad := range map[string]client.Selection{
		"unsupported": {View: "wide"}, "bad_view": {Layout: mixer.View{Width: 1280, Height: 720}},
	} {
		selecting(t, viewer, bad)
		select {
		case got := <-refusals:
			if got != want {
				t.Errorf("%+v: %s; want %s", bad, got, want)
			}
		case <-time.After(await.Patience):
			t.Fatalf("%+v was not refused", bad)
		}
	}
	if !tall(1)() {
		t.Errorf("after mistakes: %+v", viewer.Status().Layout)
	}
	if err := s.registry.DeleteView("yard", "tall"); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "main instead", func() bool {
		return viewer.Status().Layout.Canvas == mixer.Size{W: width, H: height} && len(viewer.Status().Layout.Tiles) == 2
	})
}

// TestDefine: a client with the grant admin makes, changes and removes named views.
func TestDefine(t *testing.T) {
	s := serve(t, withTokens())
	x := s.stranger(t)
	x.say(`{"type":"define","view":"doors"}`)
	x.wantError("unexpected", "join")
	x.sayJSON(map[string]any{"type": "join", "room": "yard", "token": authtest.Token(t, "yard", auth.View)})
	x.hear("joined")
	x.say(`{"type":"define","view":"doors","as":{}}`)
	x.wantError("forbidden", "admin")

	admin := s.stranger(t)
	admin.sayJSON(map[string]any{"type": "join", "room": "yard", "token": authtest.Token(t, "yard", auth.Admin)})
	admin.hear("joined")
	names := func() string {
		var all []string
		for _, v := range admin.hear("views")["views"].([]any) {
			view := v.(map[string]any)
			all = append(all, fmt.Sprint(view["name"], " ", view["layout"]))
		}
		return strings.Join(all, ", ")
	}
	for _, step := range []struct{ say, want string }{
		{`{"type":"define","view":"doors","as":{"layout":"pip","page":1}}`, "main grid, doors pip"},
		{`{"type":"define","view":"doors","as":{"layout":"focus","spotlight":"gate"}}`, "main grid, doors focus"},
		{`{"type":"define","view":"main","as":{"layout":"spotlight"}}`, "main spotlight, doors focus"},
		{`{"type":"define","view":"doors","as":null}`, "main spotlight"},
		{`{"type":"define","view":"main"}`, "main grid"},
	} {
		admin.say(step.say)
		if got := names(); got != step.want {
			t.Errorf("%s: %s; want %s", step.say, got, step.want)
		}
	}
	for say, want := range map[string][]string{
		`{"type":"define","view":"a b","as":{}}`:                {"bad_view", "a b", "letters"},
		`{"type":"define","view":"doors","as":{"laout":"pip"}}`: {"bad_view", `as: unknown field "laout"`, "accepted: layout"},
		`{"type":"define","view":"doors","as":{"w":7}}`:         {"bad_view", "w: 7", "even"},
		`{"type":"define","view":"doors","as":{"w":"wide"}}`:    {"bad_view", `as: field "w" is a string`},
		`{"type":"define","view":"doors","as":[]}`:              {"bad_view", "an object with some of layout"},
		`{"type":"define","view":"attic"}`:                      {"no_such_view", "attic"},
	} {
		admin.say(say)
		admin.wantError(want[0], want[1:]...)
	}
}

// TestBrokenConnectionsKeepTheirPlace, and clients that leave do not.
func TestBrokenConnectionsKeepTheirPlace(t *testing.T) {
	s := serve(t, setup{})
	all := tenPictures()[:3]
	clients := make([]*client.Client, len(all))
	stops := make([]func(), len(all))
	for i, p := range all {
		clients[i], stops[i] = s.publishPicture(t, fmt.Sprint("p", i), p)
	}
	viewer, tv := s.view(t, mixer.H264)
	await.Until(t, "all are shown", func() bool { return tv.ShowsAll(all...) })
	state := func(name string) mixer.State {
		for _, tile := range viewer.Status().Layout.Tiles {
			if tile.Name == name {
				return tile.State
			}
		}
		return ""
	}
	stops[0]()
	if err := clients[0].Drop(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the tile says that it is away", func() bool { return state("p0") == mixer.Reconnecting })
	s.publishPicture(t, "p0", all[0])
	await.Until(t, "it is back in its place", func() bool { return tv.ShowsAll(all...) && state("p0") == mixer.Live })
	stops[1]()
	if err := clients[1].Close(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "who left is gone", func() bool { return tv.ShowsAll(all[0], all[2]) })
}
