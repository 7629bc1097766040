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

// Fit returns the largest rectangle inside dst that has the shape of a srcW by srcH picture with
// square pixels, centred, each side rounded to the nearest even number and at least 2.
// A source without a size takes all of dst. An odd dst is first shrunk to its even inside.
func Fit(srcW, srcH int, dst Rect) Rect {
	dst = inner(dst)
	if srcW <= 0 || srcH <= 0 || dst.W < 2 || dst.H < 2 {
		return dst
	}
	w, h := dst.W, dst.H
	if srcW*dst.H > srcH*dst.W {
		h = clampEven(srcH*dst.W, srcW, dst.H)
	} else {
		w = clampEven(srcW*dst.H, srcH, dst.W)
	}
	return Rect{X: dst.X + margin(dst.W, w), Y: dst.Y + margin(dst.H, h), W: w, H: h}
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

func inner(r Rect) Rect {
	x, y := (r.X+1)&^1, (r.Y+1)&^1
	return Rect{X: x, Y: y, W: max(r.X+r.W-x, 0) &^ 1, H: max(r.Y+r.H-y, 0) &^ 1}
}

// Kind is a way to arrange sources.
type Kind string

// The kinds of layouts.
const (
	KindGrid      Kind = "grid"      // all of the same size
	KindSpotlight Kind = "spotlight" // one large, the others in a strip
	KindPiP       Kind = "pip"       // one fills the canvas, the others lie on it in a row of small ones
	KindSpeaker   Kind = "speaker"   // only who speaks
	KindFocus     Kind = "focus"     // one source alone
	KindCustom    Kind = "custom"    // rectangles in fractions of the canvas
)

// Fraction is a rectangle in fractions of the canvas, 0 to 1.
type Fraction struct {
	X float64 `json:"x" yaml:"x"`
	Y float64 `json:"y" yaml:"y"`
	W float64 `json:"w" yaml:"w"`
	H float64 `json:"h" yaml:"h"`
}
