package engine

import (
	"errors"
	"image"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// medium is a canvas with three rungs.
var medium = mixer.Config{Width: 640, Height: 360, FPS: 20, Bitrate: 900_000, Preset: "ultrafast", Rungs: []string{"360p", "180p", "90p"}}

// running is the number of views that run.
func (m *rig) running() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.views)
}

func TestEqualViewsHaveOneKey(t *testing.T) {
	cfg := mixer.Config{Labels: true}.WithDefaults()
	base := normalize(mixer.View{}, cfg).Key()
	for _, v := range []mixer.View{
		{Layout: mixer.KindGrid},
		{Width: 1280, Height: 720},
		{FPS: 25},
		{Capacity: mixer.DefaultCapacity},
		{Exclude: []string{}},
		{Spotlight: "a"},
		{Tiles: []mixer.Fraction{}},
		{Page: 1},
	} {
		if normalize(v, cfg).Key() != base {
			t.Errorf("%+v has another key than the zero View", v)
		}
	}
	if a, b := (mixer.View{Exclude: []string{"a", "b", "a"}}), (mixer.View{Exclude: []string{"b", "a"}}); normalize(a, cfg).Key() != normalize(b, cfg).Key() {
		t.Error("the order of exclude changes the key")
	}
	cells := []mixer.Fraction{{W: 0.5, H: 1}, {X: 0.5, W: 0.5, H: 1}}
	for _, same := range [][2]mixer.View{
		{{Layout: mixer.KindSpeaker}, {Layout: mixer.KindSpeaker, Capacity: 4, Cycle: 10}},
		{{Layout: mixer.KindFocus, Spotlight: "a"}, {Layout: mixer.KindFocus, Spotlight: "a", Capacity: 4, Cycle: 10}},
		{{Layout: mixer.KindCustom, Tiles: cells}, {Layout: mixer.KindCustom, Tiles: cells, Capacity: 4, Spotlight: "a"}},
		{{Layout: mixer.KindSpeaker}, {Layout: mixer.KindFocus}},
		{{Layout: mixer.KindFocus, Spotlight: "a"}, {Layout: mixer.KindFocus, Spotlight: "a", Page: 3}},
		{{Layout: mixer.KindSpotlight}, {Layout: mixer.KindSpotlight, Capacity: 6}},
		{{Layout: mixer.KindPiP, Spotlight: "a"}, {Layout: mixer.KindPiP, Spotlight: "a", Capacity: 64}},
		{{Capacity: 4, Cycle: 10}, {Capacity: 4, Cycle: 10, Page: 3}},
	} {
		if normalize(same[0], cfg).Key() != normalize(same[1], cfg).Key() {
			t.Errorf("%+v has another key than %+v", same[1], same[0])
		}
	}
	for _, different := range [][2]mixer.View{
		{{Layout: mixer.KindPiP}, {Layout: mixer.KindPiP, Capacity: 4}},
		{{Layout: mixer.KindSpotlight}, {Layout: mixer.KindSpotlight, Capacity: 5}},
		{{Layout: mixer.KindSpotlight}, {Layout: mixer.KindSpotlight, Cycle: 10}},
		{{Layout: mixer.KindCustom, Tiles: cells}, {Layout: mixer.KindCustom, Tiles: cells, Capacity: 1}},
		{{Layout: mixer.KindCustom, Tiles: cells}, {Layout: mixer.KindCustom, Tiles: cells, Cycle: 10}},
	} {
		if normalize(different[0], cfg).Key() == normalize(different[1], cfg).Key() {
			t.Errorf("%+v has the same key as %+v", different[1], different[0])
		}
	}
	for _, v := range []mixer.View{
		{Layout: mixer.KindPiP},
		{Width: 640},
		{FPS: 5},
		{Capacity: 4},
		{Exclude: []string{"a"}},
		{Cycle: 5},
		{Page: 2},
		{Fill: true},
		{NoLabels: true},
		{Layout: mixer.KindSpotlight, Spotlight: "a"},
	} {
		if normalize(v, cfg).Key() == base {
			t.Errorf("%+v has the same key as the zero View", v)
		}
	}
	cfg.Labels = false
	if normalize((mixer.View{NoLabels: true}), cfg).Key() != normalize((mixer.View{}), cfg).Key() {
		t.Error("a room without names has views without names")
	}
}

func TestIdenticalViewsAreComposedAndEncodedOnce(t *testing.T) {
	m := start(t, small)
	exclude := mixer.View{Exclude: []string{"x", "y"}}
	if err := m.SetView("few", exclude); err != nil {
		t.Fatal(err)
	}
	a := attend(t, m, mixer.Watching{Name: "few", Codec: mixer.H264}, nil)
	b := attend(t, m, mixer.Watching{View: &mixer.View{Exclude: []string{"y", "x", "y"}, Layout: mixer.KindGrid, Width: small.Width}, Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "both see", func() bool { return a.count() > 0 && b.count() > 0 })
	st := m.Stats().Renditions
	if len(st) != 1 || st[0].Sinks != 2 || st[0].View != "few" || m.running() != 1 {
		t.Errorf("%d views, renditions %+v: want one of few for two sinks", m.running(), st)
	}
	attend(t, m, mixer.Watching{View: &exclude, Codec: mixer.VP8}, nil)
	if st := m.Stats().Renditions; len(st) != 2 || m.running() != 1 {
		t.Errorf("%d views, %d renditions: want one view in two formats", m.running(), len(st))
	}
	attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	if st := m.Stats().Renditions; len(st) != 3 || m.running() != 2 {
		t.Errorf("%d views, %d renditions: want main as well", m.running(), len(st))
	}
	b.sub.Close()
	a.sub.Close()
	eventually(t, time.Second, "the rendition ends with its last sink", func() bool { return len(m.Stats().Renditions) == 2 })
}

func TestPacketsAreCutOnceForAllViewers(t *testing.T) {
	m := start(t, small)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	a := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	b := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "both see", func() bool { return a.count() > 5 && b.count() > 5 })
	a.sub.Close()
	b.sub.Close()
	shared := 0
	for i, p := range a.packets {
		for j, q := range b.packets {
			if p.PTS != q.PTS {
				continue
			}
			x, y := a.payloads[i], b.payloads[j]
			if len(x) == 0 || len(x) != len(y) || &x[0] != &y[0] || &x[0][0] != &y[0][0] {
				t.Fatalf("the packet at %v was cut into %d and %d payloads, want the same memory", p.PTS, len(x), len(y))
			}
			shared++
		}
	}
	if shared < 4 {
		t.Errorf("%d packets went to both", shared)
	}
}

// TestSetViewMovesViewers also proves that the change is seamless: attend decodes the stream with one decoder.
func TestSetViewMovesViewers(t *testing.T) {
	m := start(t, small)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.VP8, 320, 180, green)
	if err := m.SetView("wall", mixer.View{}); err != nil {
		t.Fatal(err)
	}
	v := attend(t, m, mixer.Watching{Name: "wall", Codec: mixer.H264}, nil)
	other := attend(t, m, mixer.Watching{View: &mixer.View{}, Codec: mixer.H264}, nil)
	left, right, all := image.Rect(40, 60, 120, 90), image.Rect(200, 60, 280, 90), image.Rect(80, 40, 240, 100)
	eventually(t, 3*time.Second, "the grid", func() bool { return v.shows(left, red) && v.shows(right, green) })

	if err := m.SetView("wall", mixer.View{Layout: mixer.KindFocus, Spotlight: "b"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, "the new definition", func() bool { return v.shows(all, green) })
	if l := v.layout(); len(l.Tiles) != 1 || l.Tiles[0].ID != "b" || l.Hidden != 1 {
		t.Errorf("the layout is %+v, want b alone and one hidden", l)
	}
	if !other.shows(left, red) {
		t.Error("a personal view has changed too")
	}
	if err := m.SetView("wall", mixer.View{Exclude: []string{"b"}, Width: 160, Height: 90}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, "another size", func() bool { return v.size() == mixer.Size{W: 160, H: 90} && v.shows(image.Rect(20, 10, 140, 50), red) })
	if !m.DeleteView("wall") || m.DeleteView("wall") {
		t.Error("a view is deleted once")
	}
	eventually(t, 2*time.Second, "main when the view is gone", func() bool {
		return v.size() == mixer.Size{W: 320, H: 180} && v.shows(left, red) && v.shows(right, green)
	})
	if _, err := m.Watch(mixer.Watching{Name: "wall", Codec: mixer.H264}, v); !errors.Is(err, mixer.ErrNoView) {
		t.Errorf("a deleted view gave %v", err)
	}
	eventually(t, 2*time.Second, "only main is left", func() bool { return m.running() == 1 && len(m.Stats().Renditions) == 1 })
	noGap(t, v)
}

func TestMainCanBeSetAndDeleted(t *testing.T) {
	m := start(t, small)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.H264, 320, 180, green)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	if err := m.SetView(mixer.MainView, mixer.View{Exclude: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Second, "b alone", func() bool { return v.shows(image.Rect(80, 40, 240, 100), green) })
	m.DeleteView(mixer.MainView)
	eventually(t, 2*time.Second, "the grid", func() bool { return v.shows(image.Rect(40, 60, 120, 90), red) })
	if views := m.Views(); len(views) != 1 {
		t.Errorf("views %v, want main", views)
	}
}

func TestBadViewsChangeNothing(t *testing.T) {
	m := start(t, small)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	for _, bad := range []mixer.View{{Layout: "circle"}, {Width: 33}, {FPS: 61}, {Layout: mixer.KindCustom}} {
		if err := m.SetView(mixer.MainView, bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
		if err := v.sub.Change(mixer.Watching{View: &bad}); err == nil {
			t.Errorf("%+v was accepted as a personal view", bad)
		}
	}
	if err := v.sub.Change(mixer.Watching{Name: "garden"}); !errors.Is(err, mixer.ErrNoView) {
		t.Errorf("an unknown view gave %v", err)
	}
	if err := v.sub.Change(mixer.Watching{Rung: "large"}); err == nil {
		t.Error("an unknown rung was accepted")
	}
	eventually(t, 3*time.Second, "main goes on", func() bool { return v.count() > 1 })
	if st := m.Stats().Renditions; len(st) != 1 || st[0].View != mixer.MainView {
		t.Errorf("renditions %+v", st)
	}
}

// noGap fails if two consecutive frames of a busy view are more than 1.2 s apart.
func noGap(t *testing.T, v *viewer) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := 1; i < len(v.packets); i++ {
		if d := v.packets[i].PTS - v.packets[i-1].PTS; d > 1200*time.Millisecond {
			t.Errorf("%v without a frame before packet %d", d, i)
		}
	}
}

func TestChangeAcrossViewsAndRungs(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.H264, 320, 180, green)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	focus := mixer.View{Layout: mixer.KindFocus, Spotlight: "b"}
	for i, step := range []struct {
		to   mixer.Watching
		size mixer.Size
		want codec.Colour // of the left half
	}{
		{mixer.Watching{Rung: "180p"}, mixer.Size{W: 320, H: 180}, red},
		{mixer.Watching{Rung: "90p", View: &focus}, mixer.Size{W: 160, H: 90}, green},
		{mixer.Watching{View: &focus}, mixer.Size{W: 640, H: 360}, green},
		{mixer.Watching{Rung: "auto"}, mixer.Size{W: 640, H: 360}, red},
		{mixer.Watching{Rung: "200p"}, mixer.Size{W: 320, H: 180}, red},
	} {
		if err := v.sub.Change(step.to); err != nil {
			t.Fatal(err)
		}
		w, h := step.size.W, step.size.H
		eventually(t, 2*time.Second, "the change", func() bool {
			return v.size() == step.size && v.shows(image.Rect(w/8, h/3, w*3/8, h/2), step.want)
		})
		if r := v.sub.Rendition(); r.Width != w || r.Height != h {
			t.Errorf("step %d: the rendition is %dx%d", i, r.Width, r.Height)
		}
		if l := v.layout(); l.Canvas != (mixer.Size{W: 640, H: 360}) {
			t.Errorf("step %d: canvas %v", i, l.Canvas)
		}
	}
	noGap(t, v)
}

func TestManyChangesInARow(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	rungs := []string{"90p", "360p", "180p"}
	for i := range 40 {
		if err := v.sub.Change(mixer.Watching{Rung: rungs[i%3], View: &mixer.View{Capacity: 1 + i%2}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.sub.Change(mixer.Watching{Rung: "90p"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 4*time.Second, "the last one counts", func() bool { return v.size() == mixer.Size{W: 160, H: 90} && v.shows(image.Rect(40, 20, 120, 50), red) })
	eventually(t, 2*time.Second, "the others end", func() bool { return len(m.Stats().Renditions) == 1 && m.running() == 1 })
}

func TestChangeToTheSameDoesNothing(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	eventually(t, 3*time.Second, "frames", func() bool { return v.count() > 3 })
	v.mu.Lock()
	from, layouts := len(v.packets), len(v.layouts)
	v.mu.Unlock()
	for _, w := range []mixer.Watching{{}, {Name: mixer.MainView}, {Rung: "360p"}, {View: &mixer.View{}}, {Codec: mixer.VP8}} {
		if err := v.sub.Change(w); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // to another rung and back, before that has a frame
		if err := errors.Join(v.sub.Change(mixer.Watching{Rung: "90p"}), v.sub.Change(mixer.Watching{})); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 2*time.Second, "frames go on", func() bool { return v.count() > from+8 })
	v.sub.Close()
	keys := 0
	for _, p := range v.packets[from:] {
		if p.Key && p.PTS%m.cfg.GOP != 0 {
			keys++
		}
	}
	if keys > 0 || len(v.layouts) > layouts {
		t.Errorf("%d keyframes and %d layouts without need", keys, len(v.layouts)-layouts)
	}
}

func TestChangeAfterClose(t *testing.T) {
	m := start(t, small)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	v.sub.Close()
	n := v.count()
	if err := v.sub.Change(mixer.Watching{View: &mixer.View{Capacity: 3}}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("change after close gave %v", err)
	}
	if err := m.SetView(mixer.MainView, mixer.View{Capacity: 4}); err != nil {
		t.Fatal(err)
	}
	if len(m.Stats().Renditions) != 0 || m.running() != 0 || v.count() != n {
		t.Error("a closed subscription still watches")
	}
	if r := v.sub.Rendition(); r != (mixer.RenditionStats{}) {
		t.Errorf("rendition %+v", r)
	}
}
