package engine

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
)

// stage is a view that the test ticks itself.
func stage(t *testing.T, m *rig, spec mixer.View) *view {
	t.Helper()
	if err := spec.Validate(); err != nil {
		t.Fatal(err)
	}
	v, err := newView(normalize(spec, m.cfg), m.Engine)
	if err != nil {
		t.Fatal(err)
	}
	v.cancel = func() {}
	t.Cleanup(v.stop)
	return v
}

// ids lists the sources on tiles, and how many are hidden.
func (v *view) ids(t *testing.T, now time.Time) string {
	t.Helper()
	v.arrange(now)
	if _, err := v.compose(now); err != nil {
		t.Fatal(err)
	}
	v.updateLayout(now)
	var all []string
	for _, tile := range v.layout.Load().Tiles {
		if tile.ID == "" {
			tile.ID = tile.Name
		}
		all = append(all, tile.ID)
	}
	return fmt.Sprintf("%s/%d", strings.Join(all, " "), v.layout.Load().Hidden)
}

// people adds sources named a, b and so on, with ids in capitals.
func people(m *rig, n int) (all []*publisher) {
	for i := range n {
		name := string(rune('a' + i))
		all = append(all, m.AddSource(SourceConfig{ID: strings.ToUpper(name), Name: name, Place: i}))
	}
	return all
}

func TestSourcesOnTiles(t *testing.T) {
	cell := mixer.Fraction{W: 0.5, H: 0.5}
	for _, c := range []struct {
		view mixer.View
		n    int
		want string
	}{
		{mixer.View{}, 0, "/0"},
		{mixer.View{}, 3, "A B C/0"},
		{mixer.View{Capacity: 3}, 3, "A B C/0"},
		{mixer.View{Capacity: 3}, 5, "A B +3/3"},
		{mixer.View{Capacity: 1}, 3, "A/2"},
		{mixer.View{Exclude: []string{"b"}}, 3, "A C/0"},
		{mixer.View{Exclude: []string{"B", "a"}}, 3, "C/0"},
		{mixer.View{Exclude: []string{"b", "nobody"}, Capacity: 2}, 4, "A +2/2"},
		{mixer.View{Layout: mixer.KindSpotlight}, 3, "A B C/0"},
		{mixer.View{Layout: mixer.KindSpotlight, Spotlight: "c"}, 3, "C A B/0"},
		{mixer.View{Layout: mixer.KindSpotlight, Spotlight: "B"}, 3, "B A C/0"},
		{mixer.View{Layout: mixer.KindSpotlight, Spotlight: "z"}, 3, "A B C/0"},
		{mixer.View{Layout: mixer.KindSpotlight, Spotlight: "c", Exclude: []string{"c"}}, 3, "A B/0"},
		{mixer.View{Layout: mixer.KindSpotlight, Spotlight: "h"}, 9, "H A B C D +4/4"},
		{mixer.View{Layout: mixer.KindPiP, Spotlight: "b"}, 3, "B A C/0"},
		{mixer.View{Layout: mixer.KindSpeaker}, 3, "A/2"},
		{mixer.View{Layout: mixer.KindSpeaker, Spotlight: "z"}, 3, "A/2"},
		{mixer.View{Layout: mixer.KindFocus}, 3, "A/2"},
		{mixer.View{Layout: mixer.KindFocus, Spotlight: "c"}, 3, "C/2"},
		{mixer.View{Layout: mixer.KindFocus, Spotlight: "z"}, 3, "/0"},
		{mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{cell, {X: 0.5, W: 0.5, H: 1}}}, 2, "A B/0"},
		{mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{cell, {X: 0.5, W: 0.5, H: 1}}}, 4, "A +3/3"},
		{mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{cell}}, 3, "A/2"},
	} {
		t.Run(fmt.Sprintf("%s %q of %d", c.view.Layout, c.view.Spotlight, c.n), func(t *testing.T) {
			m := start(t, small)
			people(m, c.n)
			v := stage(t, m, c.view)
			if got := v.ids(t, time.Unix(0, 0)); got != c.want {
				t.Errorf("shown %s, want %s", got, c.want)
			}
		})
	}
}

func TestPagesCycle(t *testing.T) {
	m := start(t, small)
	people(m, 7)
	v := stage(t, m, mixer.View{Capacity: 3, Cycle: 10})
	for second, want := range map[int64]string{0: "A B +5/5", 9: "A B +5/5", 10: "C D +5/5", 20: "E F +5/5", 39: "F G +5/5", 40: "A B +5/5", 400: "A B +5/5"} {
		if got := v.ids(t, time.Unix(second, 0)); got != want {
			t.Errorf("after %d s %s, want %s", second, got, want)
		}
	}
	seen := map[string]bool{}
	for second := range int64(40) {
		for _, id := range strings.Fields(strings.Split(v.ids(t, time.Unix(second, 0)), " +")[0]) {
			seen[id] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("only %v were ever shown", seen)
	}
	first := stage(t, m, mixer.View{Capacity: 3})
	if got := first.ids(t, time.Unix(10, 0)); got != "A B +5/5" {
		t.Errorf("without a cycle %s", got)
	}
}

func TestPagesByNumber(t *testing.T) {
	m := start(t, small)
	all := people(m, 7)
	for page, want := range map[int]string{0: "A B +5/5 1 of 4", 1: "A B +5/5 1 of 4", 2: "C D +5/5 2 of 4", 4: "F G +5/5 4 of 4", 9: "F G +5/5 4 of 4"} {
		v := stage(t, m, mixer.View{Capacity: 3, Page: page})
		got := v.ids(t, time.Now())
		if got += fmt.Sprintf(" %d of %d", v.layout.Load().Page, v.layout.Load().Pages); got != want {
			t.Errorf("page %d shows %s, want %s", page, got, want)
		}
	}
	v := stage(t, m, mixer.View{Capacity: 3, Page: 2})
	v.ids(t, time.Now())
	for _, s := range all[2:] {
		s.Close()
	}
	if got, l := v.ids(t, time.Now()), v.layout.Load(); got != "A B/0" || l.Page != 0 || l.Pages != 0 {
		t.Errorf("the second page of two sources shows %s, page %d of %d", got, l.Page, l.Pages)
	}
}

// TestAnExcludedSpeakerMovesNoTile: a view without its own viewer keeps the large source while the viewer speaks.
func TestAnExcludedSpeakerMovesNoTile(t *testing.T) {
	m := start(t, small)
	all := people(m, 3)
	v := stage(t, m, mixer.View{Layout: mixer.KindSpotlight, Exclude: []string{"c"}})
	for _, step := range []struct {
		speaker *publisher
		want    string
	}{{nil, "A B/0"}, {all[1], "B A/0"}, {all[2], "B A/0"}, {all[0], "A B/0"}, {all[2], "A B/0"}} {
		if m.audio.activeSpeaker.Store(nil); step.speaker != nil {
			m.audio.activeSpeaker.Store(step.speaker.source)
		}
		if got := v.ids(t, time.Now()); got != step.want {
			t.Errorf("%s, want %s", got, step.want)
		}
	}
}

func TestOrderIsThatOfPlaces(t *testing.T) {
	m := start(t, small)
	v := stage(t, m, mixer.View{})
	var all []*publisher
	for _, c := range []SourceConfig{{ID: "late", Place: 5}, {ID: "first"}, {ID: "middle", Place: 2}, {ID: "second"}, {ID: "middle2", Place: 2}, {ID: "front", Place: -1}} {
		all = append(all, m.AddSource(c))
	}
	if got := v.ids(t, time.Now()); got != "front first second middle middle2 late/0" {
		t.Errorf("order %s", got)
	}
	all[2].Close()
	if got := v.ids(t, time.Now()); got != "front first second middle2 late/0" {
		t.Errorf("order %s after one left", got)
	}
	m.AddSource(SourceConfig{ID: "back", Place: 2})
	if got := v.ids(t, time.Now()); got != "front first second middle2 back late/0" {
		t.Errorf("order %s after one came", got)
	}
}

// TestABrokenConnectionMovesNoTile: a source keeps its tile while its connection is broken.
func TestABrokenConnectionMovesNoTile(t *testing.T) {
	m := start(t, small)
	all := people(m, 3)
	v := stage(t, m, mixer.View{})
	v.ids(t, time.Now())
	was := v.layout.Load()
	all[1].SetAway(true)
	v.ids(t, time.Now())
	is := v.layout.Load()
	for i := range was.Tiles {
		a, b := was.Tiles[i], is.Tiles[i]
		if a.ID != b.ID || a.X != b.X || a.Y != b.Y || a.W != b.W {
			t.Errorf("tile %d was %+v, is %+v", i, a, b)
		}
	}
	if s := is.Tiles[1].State; s != mixer.Reconnecting {
		t.Errorf("state %s", s)
	}
}

func TestPortraitCanvas(t *testing.T) {
	m := start(t, small)
	people(m, 2)
	v := stage(t, m, mixer.View{Width: 180, Height: 320})
	v.ids(t, time.Now())
	l := v.layout.Load()
	if l.Canvas != (mixer.Size{W: 180, H: 320}) || len(l.Tiles) != 2 {
		t.Fatalf("layout %+v", l)
	}
	if a, b := l.Tiles[0], l.Tiles[1]; a.X != b.X || b.Y < a.Y+a.H || a.W != 180 {
		t.Errorf("tiles %+v, want one above the other over the whole width", l.Tiles)
	}
}

func TestPortraitViewIsSeen(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.H264, 320, 180, green)
	v := attend(t, m, mixer.Watching{View: &mixer.View{Width: 360, Height: 640}, Codec: mixer.H264, Rung: "180p"}, nil)
	eventually(t, 3*time.Second, "one above the other", func() bool {
		return v.size() == mixer.Size{W: 180, H: 320} && v.shows(image.Rect(20, 80, 160, 120), red) && v.shows(image.Rect(20, 180, 160, 220), green)
	})
}

func TestCustomLayoutIsSeen(t *testing.T) {
	m := start(t, small)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	send(t, m.AddSource(SourceConfig{Name: "b"}).WriteVideo, mixer.H264, 320, 180, green, false)
	custom := mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{X: 0, Y: 0, W: 1, H: 1}, {X: 0.7, Y: 0, W: 0.3, H: 0.3}}}
	v := attend(t, m, mixer.Watching{View: &custom, Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "the second lies on the first", func() bool {
		return v.shows(image.Rect(20, 20, 200, 120), red) && v.shows(image.Rect(240, 10, 304, 36), green) && v.shows(image.Rect(230, 70, 300, 120), red)
	})
	seen := 0
	for range 20 { // the one below changes all the time
		at := v.count()
		eventually(t, time.Second, "the next frame", func() bool { return v.count() > at })
		if v.shows(image.Rect(240, 10, 304, 36), green) {
			seen++
		}
	}
	if seen != 20 {
		t.Errorf("the upper tile was covered in %d of 20 frames", 20-seen)
	}
}

func TestFocusOnSomebodyAbsentSaysSo(t *testing.T) {
	m := start(t, small)
	people(m, 2)
	v := stage(t, m, mixer.View{Layout: mixer.KindFocus, Spotlight: "정문"})
	if got := v.emptyText(); got != "정문 is not here" {
		t.Errorf("an empty focus says %q", got)
	}
	seen := attend(t, m, mixer.Watching{View: &v.spec, Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "words on an empty canvas", func() bool { return seen.bright(image.Rect(60, 60, 260, 120)) > 20 })
	src := m.AddSource(SourceConfig{Name: "정문"})
	publish(t, src, mixer.H264, 320, 180, blue)
	eventually(t, 2*time.Second, "it comes", func() bool { return seen.shows(image.Rect(80, 40, 240, 100), blue) })
	src.Close()
	eventually(t, 2*time.Second, "it has gone", func() bool { return seen.shows(image.Rect(0, 0, 320, 40), slate) })
}

func TestHiddenAreCountedOnTheTile(t *testing.T) {
	m := start(t, medium)
	all := people(m, 4)
	v := attend(t, m, mixer.Watching{View: &mixer.View{Capacity: 2}, Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "a tile with +3", func() bool { return v.bright(image.Rect(400, 140, 560, 200)) > 10 })
	l := v.layout()
	if l.Hidden != 3 || len(l.Tiles) != 2 || l.Tiles[1].Name != "+3" || l.Tiles[1].ID != "" {
		t.Errorf("layout %+v", l)
	}
	all[3].Close()
	eventually(t, 2*time.Second, "+2", func() bool {
		l := v.layout()
		return l.Hidden == 2 && slices.ContainsFunc(l.Tiles, func(i mixer.TileInfo) bool { return i.Name == "+2" })
	})
}

// TestTheLargeTile: a tile that is at least twice as large as every other one is large.
func TestTheLargeTile(t *testing.T) {
	m := newRig(t, small)
	all := people(m, 4)
	for name, c := range map[string]struct {
		spec mixer.View
		want mixer.SourceID
	}{
		"grid":                {mixer.View{}, 0},
		"grid of one":         {mixer.View{Exclude: []string{"a", "b", "d"}}, all[2].id},
		"grid of none":        {mixer.View{Exclude: []string{"a", "b", "c", "d"}}, 0},
		"spotlight":           {mixer.View{Layout: mixer.KindSpotlight, Spotlight: "c"}, all[2].id},
		"spotlight on nobody": {mixer.View{Layout: mixer.KindSpotlight}, all[0].id},
		"picture in picture":  {mixer.View{Layout: mixer.KindPiP, Spotlight: "b"}, all[1].id},
		"focus":               {mixer.View{Layout: mixer.KindFocus, Spotlight: "d"}, all[3].id},
		"focus on nobody":     {mixer.View{Layout: mixer.KindFocus, Spotlight: "x"}, 0},
		"one of three cells":  {mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{W: .3, H: .3}, {X: .3, W: .7, H: 1}, {Y: .3, W: .3, H: .7}}}, all[1].id},
		"three cells alike":   {mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{W: .5, H: .5}, {X: .5, W: .5, H: .9}, {Y: .5, W: .5, H: .5}}}, 0},
	} {
		v := stage(t, m, c.spec)
		v.arrange(time.Now())
		v.updateLayout(time.Now())
		if got := v.layout.Load().Large; got != c.want {
			t.Errorf("%s: source %d is large, want %d", name, got, c.want)
		}
	}
	for _, src := range all {
		src.Close()
	}
}
