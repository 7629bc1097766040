// Package layout is the geometry of a view: it places a number of sources as tiles on a canvas. The engine's views call
// it. All functions are pure and may be called from any goroutine.
package layout

// Aspect ratio of every tile.
const (
	aspectW = 16
	aspectH = 9
)

// Rect is a rectangle in pixels. X and Y are its top left corner, relative to that of the canvas. All four numbers of
// the rectangles that this package returns are even, because 4:2:0 chroma has half the resolution.
type Rect struct{ X, Y, W, H int }

// Grid places n equal 16:9 tiles on a canvas of width by height pixels, row by row from the top left, as large as
// possible. The block of tiles is centred, and so is its last row. Of two arrangements with tiles of the same size, the
// one with fewer holes is taken, then the wider one. The result is nil if n is not positive, or if the canvas is too
// small for tiles of 2x2 pixels.
func Grid(n, width, height int) []Rect {
	g, ok := best(n, width, height)
	if !ok {
		return nil
	}
	tiles := make([]Rect, 0, n)
	y := margin(height, g.rows*g.h)
	for left := n; left > 0; left -= g.cols {
		inRow := min(left, g.cols)
		x := margin(width, inRow*g.w)
		for i := range inRow {
			tiles = append(tiles, Rect{X: x + i*g.w, Y: y, W: g.w, H: g.h})
		}
		y += g.h
	}
	return tiles
}

// grid is one arrangement: the number of columns and rows, and the size of a tile.
type grid struct{ cols, rows, w, h int }

func best(n, width, height int) (grid, bool) {
	var g grid
	for cols := 1; cols <= n; cols++ {
		rows := (n + cols - 1) / cols
		w, h := tile(width/cols, height/rows)
		if c := (grid{cols, rows, w, h}); w >= 2 && h >= 2 && c.beats(g) {
			g = c
		}
	}
	return g, g.cols > 0
}

// beats reports whether g is better than o: the larger tile, then fewer cells, then more columns.
func (g grid) beats(o grid) bool {
	if a, b := g.w*g.h, o.w*o.h; a != b {
		return a > b
	}
	if a, b := g.cols*g.rows, o.cols*o.rows; a != b {
		return a < b
	}
	return g.cols > o.cols
}

// tile is the largest even 16:9 rectangle in a cell.
func tile(cellW, cellH int) (w, h int) {
	w = min(cellW, cellH*aspectW/aspectH) &^ 1
	return w, clampEven(w*aspectH, aspectW, cellH)
}

// clampEven rounds num/den to the nearest even number, not below 2 and not above limit.
func clampEven(num, den, limit int) int {
	even := (num + den) / (2 * den) * 2
	return min(max(even, 2), limit&^1)
}

// margin is the space before a centred block of that length, rounded down to an even number.
func margin(space, used int) int { return (space - used) / 2 &^ 1 }
