// Package layout is the geometry of a picture: a number of participants and a canvas in, tiles out.
// The mixer's views call it. All functions are pure and may be called from anywhere.
package layout

// Aspect ratio of every tile.
const (
	aspectW = 16
	aspectH = 9
)

// Rect is a rectangle in pixels; X and Y are its top left corner, seen from the canvas's own.
// Everything this package returns has four even numbers, so that 4:2:0 chroma divides.
type Rect struct{ X, Y, W, H int }

// Grid places n equal 16:9 tiles on a canvas of width by height pixels, row by row from the top
// left, as large as they can be. The block of tiles is centred, and so is its last row.
// Of two arrangements with the same tile, the one with fewer holes wins, then the wider one.
// The result is nil when n is not positive or when the canvas cannot give each tile 2x2 pixels.
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

// grid is one arrangement: how many tiles, and how large each.
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

// beats prefers the larger tile, then fewer cells, then more columns.
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

// margin is the even space in front of something centred.
func margin(space, used int) int { return (space - used) / 2 &^ 1 }
