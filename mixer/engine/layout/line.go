package layout

import "math"

// The size of small tiles. A landscape canvas is as wide and as high as five small tiles. A portrait canvas is as wide as
// four. At 1280x720 a small tile has 256x144 pixels, at 720x1280 it has 180x102.
const (
	acrossLandscape = 5
	acrossPortrait  = 4
	gapDivisor      = 36 // the gap around a small tile on a large tile is 1/36 of the canvas's shorter side
)

// line is a row or a column of rectangles for small tiles, and the rectangle of the large tile.
type line struct {
	first  Rect // the first small tile
	dx, dy int  // from one small tile to the next
	count  int  // number of small tiles that fit
	large  Rect
}

// rects returns the rectangles of the first n small tiles.
func (l line) rects(n int) []Rect {
	all := make([]Rect, 0, n)
	r := l.first
	for range n {
		all = append(all, r)
		r.X += l.dx
		r.Y += l.dy
	}
	return all
}

// strip returns the line of a spotlight layout. On a landscape canvas it is a column at the right, from top to bottom. On a
// portrait canvas it is a row at the bottom, from left to right. The large tile fills the rest of the canvas.
func (s Scene) strip() line {
	c := s.canvas()
	w, h := s.small()
	if w < 2 || h < 2 {
		return line{large: c}
	}
	if c.H > c.W {
		n := c.W / w
		return line{
			first: Rect{X: margin(c.W, n*w), Y: c.H - h, W: w, H: h}, dx: w, count: n,
			large: Rect{W: c.W, H: c.H - h},
		}
	}
	n := c.H / h
	return line{
		first: Rect{X: c.W - w, Y: margin(c.H, n*h), W: w, H: h}, dy: h, count: n,
		large: Rect{W: c.W - w, H: c.H},
	}
}

// row returns the line of a pip layout. The small tiles lie on the large tile, along its bottom, from right to left. So the
// name in the lower left corner of the large tile is covered last.
func (s Scene) row() line {
	c := s.canvas()
	w, h := s.small()
	if w < 2 || h < 2 {
		return line{large: c}
	}
	gap := min(c.W, c.H) / gapDivisor &^ 1
	return line{
		first: Rect{X: c.W - gap - w, Y: c.H - gap - h, W: w, H: h}, dx: -(w + gap),
		count: (c.W - gap) / (w + gap), large: c,
	}
}

// small returns the size of a small tile in pixels.
func (s Scene) small() (w, h int) {
	c := s.canvas()
	if c.H > c.W {
		return tile(c.W/acrossPortrait, c.H)
	}
	return tile(c.W/acrossLandscape, c.H/acrossLandscape)
}

// cells returns the rectangles of a custom layout in pixels. It rounds the edges of the cells and not their sizes. So cells
// that have a common edge in fractions have a common edge in pixels too.
func (s Scene) cells() []Rect {
	c := s.canvas()
	all := make([]Rect, 0, len(s.Cells))
	for _, f := range s.Cells {
		x, w := span(f.X, f.W, c.W)
		y, h := span(f.Y, f.H, c.H)
		all = append(all, Rect{X: x, Y: y, W: w, H: h})
	}
	return all
}

// span converts an interval to pixels. offset and size are fractions of length, which is in pixels and even. Both ends of
// the result are even, and the extent is at least 2.
func span(offset, size float64, length int) (start, extent int) {
	even := func(f float64) int { return int(math.Round(min(max(f, 0), 1)*float64(length)/2)) * 2 }
	start = min(even(offset), length-2)
	return start, max(even(offset+size)-start, 2)
}
