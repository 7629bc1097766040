// Package layout computes the geometry of a view: the rectangles of its tiles on a canvas. The engine's views call it. All
// functions are pure and may be called from any goroutine.
package layout

// Aspect ratio of the tiles of a grid and of the small tiles beside a large one.
const (
	aspectW = 16
	aspectH = 9
)

// Rect is a rectangle in pixels. X and Y are its top left corner, counted from the top left corner of the canvas. In
// rectangles that this package returns, all four numbers are even, because 4:2:0 chroma has half the resolution of luma.
type Rect struct{ X, Y, W, H int }

// Grid places n equal 16:9 tiles on a canvas of width by height pixels, row by row from the top left, as large as possible.
// The block of tiles is centred, and so is its last row. If two arrangements have tiles of the same size, Grid chooses the
// arrangement with fewer empty cells. If that is equal too, it chooses the one with more columns. The result is nil if n is
// not positive, or if the canvas is too small for tiles of 2x2 pixels.
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

// grid is one arrangement of tiles: the numbers of columns and rows, and the size of a tile in pixels.
type grid struct{ cols, rows, w, h int }

// best returns the best arrangement of n tiles. The second result is false if there is none.
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

// beats reports whether g is better than o. Larger tiles decide first, then fewer cells, then more columns.
func (g grid) beats(o grid) bool {
	if a, b := g.w*g.h, o.w*o.h; a != b {
		return a > b
	}
	if a, b := g.cols*g.rows, o.cols*o.rows; a != b {
		return a < b
	}
	return g.cols > o.cols
}

// tile returns the size of the largest 16:9 rectangle with even sides in a cell.
func tile(cellW, cellH int) (w, h int) {
	w = min(cellW, cellH*aspectW/aspectH) &^ 1
	return w, clampEven(w*aspectH, aspectW, cellH)
}

// clampEven returns num/den, rounded to the nearest even number and raised to at least 2. The result is never more than limit.
func clampEven(num, den, limit int) int {
	even := (num + den) / (2 * den) * 2
	return min(max(even, 2), limit&^1)
}

// margin returns the space before a block of the given size that is centred in total, rounded down to an even number.
func margin(total, size int) int { return (total - size) / 2 &^ 1 }
