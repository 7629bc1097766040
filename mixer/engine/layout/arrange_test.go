package layout

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"azulejo/mixer"
)

// quarters is a custom layout: one large cell, two small cells beside it, and one that lies on the large one.
var quarters = []mixer.Fraction{{X: 0, Y: 0, W: 2. / 3, H: 1}, {X: 2. / 3, Y: 0, W: 1. / 3, H: .5}, {X: 2. / 3, Y: .5, W: 1. / 3, H: .5}, {X: .05, Y: .7, W: .25, H: .25}}

// TestArrangeGolden compares the tiles of every kind of layout, for some numbers of sources on two canvases, with golden
// files. A line is a tile: the source, or + and the number of sources not shown, then width x height + left + top.
func TestArrangeGolden(t *testing.T) {
	for _, kind := range mixer.LayoutKinds() {
		for _, canvas := range [][2]int{{1280, 720}, {720, 1280}} {
			name := fmt.Sprintf("testdata/%s-%dx%d.txt", kind, canvas[0], canvas[1])
			if kind == mixer.KindGrid {
				name = fmt.Sprintf("testdata/grid-pages-%dx%d.txt", canvas[0], canvas[1])
			}
			golden(t, name, func(w *bytes.Buffer) {
				for _, n := range []int{0, 1, 2, 3, 5, 6, 9, 26, 60} {
					printScene(w, Scene{Kind: kind, Width: canvas[0], Height: canvas[1], Count: n, Large: 2, Cells: cellsOf(kind)})
				}
			})
		}
	}
}

func cellsOf(k mixer.LayoutKind) []mixer.Fraction {
	if k == mixer.KindCustom {
		return quarters
	}
	return nil
}

func golden(t *testing.T, name string, write func(*bytes.Buffer)) {
	t.Helper()
	var got bytes.Buffer
	write(&got)
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("%s changed (-want +got):\n%s", name, d)
	}
}

// printScene writes the tiles of the first, the second and the last page.
func printScene(w *bytes.Buffer, s Scene) {
	pages := Pages(s)
	for p := range pages {
		if p > 1 && p < pages-1 {
			continue
		}
		s.Page = p
		fmt.Fprintf(w, "%d sources, page %d of %d\n", s.Count, p+1, pages)
		for _, t := range Arrange(s) {
			who := fmt.Sprint(t.Index)
			if t.Index < 0 {
				who = fmt.Sprintf("+%d", t.More)
			}
			fmt.Fprintf(w, "%5s: %dx%d+%d+%d\n", who, t.W, t.H, t.X, t.Y)
		}
	}
}

func anyScene(t *rapid.T) Scene {
	s := Scene{
		Kind:     rapid.SampledFrom(append(mixer.LayoutKinds(), "")).Draw(t, "kind"),
		Width:    rapid.IntRange(64, 4096).Draw(t, "width"),
		Height:   rapid.IntRange(64, 4096).Draw(t, "height"),
		Count:    rapid.IntRange(0, 70).Draw(t, "count"),
		Capacity: rapid.IntRange(0, 64).Draw(t, "capacity"),
		Page:     rapid.IntRange(0, 1000).Draw(t, "page"),
	}
	s.Large = rapid.IntRange(-1, s.Count).Draw(t, "large")
	if s.Kind == mixer.KindCustom {
		s.Cells = rapid.SliceOfN(rapid.Custom(anyFraction), 1, 12).Draw(t, "cells")
	}
	return s
}

func anyFraction(t *rapid.T) mixer.Fraction {
	f := mixer.Fraction{W: rapid.Float64Range(0.02, 1).Draw(t, "w"), H: rapid.Float64Range(0.02, 1).Draw(t, "h")}
	f.X, f.Y = rapid.Float64Range(0, 1-f.W).Draw(t, "x"), rapid.Float64Range(0, 1-f.H).Draw(t, "y")
	return f
}

func TestArrangeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyScene(t)
		if err := mixer.ValidateLayout(s.Kind, s.Cells); err != nil {
			t.Fatal(err)
		}
		tiles := Arrange(s)
		if (len(tiles) == 0) != (s.Count == 0) || len(tiles) > s.capacity() {
			t.Fatalf("%d tiles for %d sources, at most %d", len(tiles), s.Count, s.capacity())
		}
		for i, a := range tiles {
			checkInside(t, a.Rect, s.Width, s.Height)
			for j, b := range tiles[:i] {
				if overlap(a.Rect, b.Rect) && s.Kind != mixer.KindCustom && (s.Kind != mixer.KindPiP || j > 0) {
					t.Fatalf("%v overlaps %v", a, b)
				}
			}
		}
		checkShown(t, s, tiles)
	})
}

func checkInside(t rapid.TB, r Rect, width, height int) {
	t.Helper()
	if (r.X|r.Y|r.W|r.H)&1 != 0 || r.W < 2 || r.H < 2 || r.X < 0 || r.Y < 0 || r.X+r.W > width || r.Y+r.H > height {
		t.Fatalf("%v is not even or not inside %dx%d", r, width, height)
	}
}

// checkShown: each source is shown at most once, and at most one tile says how many are not shown. Its number is right.
func checkShown(t rapid.TB, s Scene, tiles []Tile) {
	t.Helper()
	seen := map[int]bool{}
	for i, tile := range tiles {
		if tile.Index >= s.Count || tile.Index < -1 || seen[tile.Index] {
			t.Fatalf("source %d twice, or not one of %d", tile.Index, s.Count)
		}
		seen[tile.Index] = true
		if tile.Index < 0 && (i != len(tiles)-1 || tile.More != Hidden(s.Count, tiles) || tile.More < 1) {
			t.Fatalf("tile %d of %d says %d are hidden, of %d", i, len(tiles), tile.More, Hidden(s.Count, tiles))
		}
		if tile.Index >= 0 && tile.More != 0 {
			t.Fatalf("a source's tile says that %d are hidden", tile.More)
		}
	}
}

// TestEverySourceHasItsPage shows all pages in order, and then page numbers beyond the last.
func TestEverySourceHasItsPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyScene(t)
		pages := Pages(s)
		if pages < 1 {
			t.Fatalf("%d pages", pages)
		}
		seen := map[int]bool{}
		sizes := map[int]bool{}
		for p := range pages {
			s.Page = p
			tiles := Arrange(s)
			s.Page += pages
			if d := cmp.Diff(tiles, Arrange(s)); d != "" {
				t.Fatalf("page %d differs from page %d of %d:\n%s", p, s.Page, pages, d)
			}
			sizes[len(tiles)] = true
			for _, tile := range tiles {
				seen[tile.Index] = true
			}
		}
		delete(seen, -1)
		if len(sizes) != 1 {
			t.Fatalf("pages have different numbers of tiles: %v", sizes)
		}
		alone := s.Kind == mixer.KindSpeaker || s.Kind == mixer.KindFocus || (s.Kind == mixer.KindSpotlight || s.Kind == mixer.KindPiP) && s.Capacity == 1
		if want := s.Count; !alone && len(seen) != want {
			t.Fatalf("%d of %d sources have a page", len(seen), want)
		}
	})
}

// TestPlacesDependOnTheCanvasOnly: the places of tiles do not depend on the large source and on the number of sources.
func TestPlacesDependOnTheCanvasOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyScene(t)
		s.Kind = rapid.SampledFrom([]mixer.LayoutKind{mixer.KindSpotlight, mixer.KindPiP}).Draw(t, "one of two")
		s.Count, s.Capacity, s.Large = 64, 0, 0
		all := Arrange(s)
		for _, s.Count = range []int{2, 3, 5, 40} {
			s.Large = s.Count / 2
			tiles := Arrange(s)
			if tiles[0].Index != s.Large {
				t.Fatalf("source %d is large, want %d", tiles[0].Index, s.Large)
			}
			for i, tile := range tiles {
				if tile.Rect != all[i].Rect {
					t.Fatalf("tile %d of %d is %v, of 64 it is %v", i, s.Count, tile.Rect, all[i].Rect)
				}
			}
		}
	})
}

func TestCapacity(t *testing.T) {
	shown := func(s Scene) []int {
		s.Width, s.Height = 1280, 720
		var all []int
		for _, tile := range Arrange(s) {
			all = append(all, tile.Index)
		}
		return all
	}
	for name, c := range map[string]struct {
		Scene
		want []int
	}{
		"as many as fit":                  {Scene{Count: 4, Capacity: 4}, []int{0, 1, 2, 3}},
		"one too many":                    {Scene{Count: 5, Capacity: 4}, []int{0, 1, 2, -1}},
		"the last page is full":           {Scene{Count: 5, Capacity: 4, Page: 1}, []int{2, 3, 4, -1}},
		"pages begin again":               {Scene{Count: 5, Capacity: 4, Page: 2}, []int{0, 1, 2, -1}},
		"one place shows a source":        {Scene{Count: 3, Capacity: 1, Page: 1}, []int{1}},
		"one in a spotlight is alone":     {Scene{Kind: mixer.KindSpotlight, Count: 3, Capacity: 1, Large: 1}, []int{1}},
		"two in a spotlight take turns":   {Scene{Kind: mixer.KindSpotlight, Count: 3, Capacity: 2, Large: 1, Page: 1}, []int{1, 2}},
		"the strip has pages":             {Scene{Kind: mixer.KindSpotlight, Count: 8, Large: 0, Page: 1}, []int{0, 4, 5, 6, 7, -1}},
		"nobody is large: the first":      {Scene{Kind: mixer.KindSpeaker, Count: 3, Large: -1}, []int{0}},
		"no such large one: the first":    {Scene{Kind: mixer.KindFocus, Count: 3, Large: 3}, []int{0}},
		"nobody at all":                   {Scene{Kind: mixer.KindFocus, Large: -1}, nil},
		"custom has places for fewer":     {Scene{Kind: mixer.KindCustom, Count: 5, Cells: quarters}, []int{0, 1, 2, -1}},
		"custom with more than it needs":  {Scene{Kind: mixer.KindCustom, Count: 2, Large: 1, Cells: quarters}, []int{0, 1}},
		"custom without cells is refused": {Scene{Kind: mixer.KindCustom, Count: 2}, nil},
		"a kind nobody knows is a grid":   {Scene{Kind: "heap", Count: 2}, []int{0, 1}},
	} {
		if got := shown(c.Scene); !slices.Equal(got, c.want) {
			t.Errorf("%s: shows %v, want %v", name, got, c.want)
		}
	}
}

// TestCustomCellsMeet: thirds leave neither holes nor overlaps.
func TestCustomCellsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scene{Kind: mixer.KindCustom, Width: rapid.IntRange(64, 4096).Draw(t, "width"), Height: 720, Count: 3}
		const third = 0.333333
		s.Cells = []mixer.Fraction{{X: 0, Y: 0, W: third, H: 1}, {X: third, Y: 0, W: third, H: 1}, {X: 2 * third, Y: 0, W: 0.333334, H: 1}}
		at := 0
		for _, tile := range Arrange(s) {
			if tile.X != at {
				t.Fatalf("%v begins at %d, want %d", tile.Rect, tile.X, at)
			}
			at += tile.W
		}
		if at != s.Width&^1 {
			t.Fatalf("cells end at %d of %d", at, s.Width)
		}
	})
}
