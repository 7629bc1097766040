package layout

import (
	"bytes"
	"flag"
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the goldens in testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestGridGolden compares every grid of 1 to 64 tiles, written as one line per row of tiles.
func TestGridGolden(t *testing.T) {
	golden(t, "testdata/grid-1280x720.txt", func(w *bytes.Buffer) {
		for n := 1; n <= 64; n++ {
			print(w, n, Grid(n, 1280, 720))
		}
	})
}

// print writes "n: WxH" and then a line "y: x x x" for each row.
func print(w *bytes.Buffer, n int, tiles []Rect) {
	fmt.Fprintf(w, "%d: %dx%d", n, tiles[0].W, tiles[0].H)
	y := -1
	for _, r := range tiles {
		if r.Y != y {
			y = r.Y
			fmt.Fprintf(w, "\n  %d:", y)
		}
		fmt.Fprintf(w, " %d", r.X)
	}
	w.WriteByte('\n')
}

func TestGridShapes(t *testing.T) {
	for name, c := range map[string]struct{ n, w, h, cols, rows, tileW, tileH int }{
		"one fills the canvas":           {1, 1280, 720, 1, 1, 1280, 720},
		"two stand side by side":         {2, 1280, 720, 2, 1, 640, 360},
		"three leave one hole":           {3, 1280, 720, 2, 2, 640, 360},
		"six prefer width to height":     {6, 1280, 720, 3, 2, 426, 240},
		"nine with a width not in three": {9, 1280, 720, 3, 3, 426, 240},
		"portrait stacks":                {4, 720, 1280, 1, 4, 568, 320},
		"portrait, many":                 {12, 720, 1280, 2, 6, 360, 202},
		"panorama":                       {4, 3840, 540, 4, 1, 960, 540},
		"odd canvas":                     {4, 1281, 721, 2, 2, 640, 360},
		"smallest possible":              {4, 4, 4, 2, 2, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			tiles := Grid(c.n, c.w, c.h)
			if len(tiles) != c.n {
				t.Fatalf("%d tiles, want %d", len(tiles), c.n)
			}
			g, _ := best(c.n, c.w, c.h)
			if want := (grid{c.cols, c.rows, c.tileW, c.tileH}); g != want {
				t.Errorf("arranged as %+v, want %+v", g, want)
			}
		})
	}
}

func TestGridImpossible(t *testing.T) {
	for _, c := range [][3]int{{0, 1280, 720}, {-3, 1280, 720}, {1, 0, 0}, {1, -4, 720}, {5, 4, 4}, {1, 1, 1}} {
		if got := Grid(c[0], c[1], c[2]); got != nil {
			t.Errorf("Grid%v = %v, want nil", c, got)
		}
	}
}

func TestGridProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 64).Draw(t, "n")
		width := rapid.IntRange(64, 4096).Draw(t, "width")
		height := rapid.IntRange(64, 4096).Draw(t, "height")
		checkGrid(t, n, width, height)
	})
}

// TestGridOnManyCanvases checks every n on likely canvases and on odd ones.
func TestGridOnManyCanvases(t *testing.T) {
	for _, c := range [][2]int{
		{1280, 720},
		{1920, 1080},
		{640, 360},
		{320, 180},
		{854, 480},
		{720, 1280},
		{1080, 1920},
		{360, 640},
		{1024, 768},
		{3440, 1440},
		{1000, 1000},
		{1279, 719},
		{721, 1281},
		{4096, 128},
		{128, 4096},
	} {
		for n := 1; n <= 64; n++ {
			checkGrid(t, n, c[0], c[1])
		}
	}
}

func checkGrid(t rapid.TB, n, width, height int) {
	t.Helper()
	tiles := Grid(n, width, height)
	if len(tiles) != n {
		t.Fatalf("%d tiles for %d on %dx%d", len(tiles), n, width, height)
	}
	for i, r := range tiles {
		checkTile(t, r, tiles[0], width, height)
		for _, o := range tiles[:i] {
			if overlap(r, o) {
				t.Fatalf("%v overlaps %v", r, o)
			}
		}
	}
	checkRows(t, tiles, width, height)
	checkLargest(t, tiles[0], n, width, height)
}

func checkTile(t rapid.TB, r, first Rect, width, height int) {
	t.Helper()
	if (r.X|r.Y|r.W|r.H)&1 != 0 || r.W < 2 || r.H < 2 {
		t.Fatalf("%v is not even", r)
	}
	if r.X < 0 || r.Y < 0 || r.X+r.W > width || r.Y+r.H > height {
		t.Fatalf("%v is outside %dx%d", r, width, height)
	}
	if r.W != first.W || r.H != first.H {
		t.Fatalf("%v differs in size from %v", r, first)
	}
	if d := r.W*9 - r.H*16; d < -16 || d > 2*16 {
		t.Fatalf("%dx%d is not 16:9 within rounding", r.W, r.H)
	}
}

func checkRows(t rapid.TB, tiles []Rect, width, height int) {
	t.Helper()
	last := tiles[len(tiles)-1]
	if slack := height - last.Y - last.H - tiles[0].Y; slack < 0 || slack > 3 {
		t.Fatalf("the block is off the middle by %d lines", slack)
	}
	for i, first := range tiles {
		if i > 0 && tiles[i-1].Y == first.Y {
			continue
		}
		end := first
		for _, r := range tiles[i:] {
			if r.Y == first.Y {
				end = r
			}
		}
		if slack := width - end.X - end.W - first.X; slack < 0 || slack > 3 {
			t.Fatalf("the row at %d is off the middle by %d pixels", first.Y, slack)
		}
	}
}

// checkLargest tries every number of columns with tiles one rounding step larger.
func checkLargest(t rapid.TB, tile Rect, n, width, height int) {
	t.Helper()
	w := tile.W + 4
	h := (w*9 + 15) / 16
	for cols := 1; cols <= n; cols++ {
		if rows := (n + cols - 1) / cols; w*cols <= width && (h+2)*rows <= height {
			t.Fatalf("%d tiles of %dx%d fit in %d columns, got %dx%d", n, w, h, cols, tile.W, tile.H)
		}
	}
}

func overlap(a, b Rect) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}
