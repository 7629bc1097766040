package layout

import "math"

// How many small tiles lie side by side: five across the width of a landscape canvas, and as many from top to
// bottom; four across a portrait one. At 1280x720 that is 256x144 each, at 720x1280 it is 180x102.
const (
	acrossLandscape = 5
	acrossPortrait  = 4
	gaps            = 36 // the space around a small tile that lies on the large one: so many in the canvas's shorter side
)

// line is the places of small tiles in a row or a column, and what they leave for the large one.
type line struct {
	first  Rect
	dx, dy int // from one to the next
	slots  int
	large  Rect
}

// rects are the first n places.
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

// strip is a column at the right of a landscape canvas, from the top, or a row at the bottom of a portrait one,
// from the left. The large tile has all that remains.
func (s Scene) strip() line {
	c := s.canvas()
	w, h := s.small()
	if w < 2 || h < 2 {
		return line{large: c}
	}
	if c.H > c.W {
		n := c.W / w
		return line{
			first: Rect{X: margin(c.W, n*w), Y: c.H - h, W: w, H: h}, dx: w, slots: n,
			large: Rect{W: c.W, H: c.H - h},
		}
	}
	n := c.H / h
	return line{
		first: Rect{X: c.W - w, Y: margin(c.H, n*h), W: w, H: h}, dy: h, slots: n,
		large: Rect{W: c.W - w, H: c.H},
	}
}

// row lies on the large tile along the bottom, from the right, where a name that is written into the large
// picture is covered last.
func (s Scene) row() line {
	c := s.canvas()
	w, h := s.small()
	if w < 2 || h < 2 {
		return line{large: c}
	}
	gap := min(c.W, c.H) / gaps &^ 1
	return line{
		first: Rect{X: c.W - gap - w, Y: c.H - gap - h, W: w, H: h}, dx: -(w + gap),
		slots: (c.W - gap) / (w + gap), large: c,
	}
}

// small is the size of a small tile.
func (s Scene) small() (w, h int) {
	c := s.canvas()
	if c.H > c.W {
		return tile(c.W/acrossPortrait, c.H)
	}
	return tile(c.W/acrossLandscape, c.H/acrossLandscape)
}

// cells are the rectangles of a custom layout in pixels. Edges are rounded, not sizes: cells that meet in
// fractions meet in pixels.
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

// span rounds both ends of a stretch to even pixels inside an even length, at least 2 apart.
func span(at, size float64, length int) (start, extent int) {
	even := func(f float64) int { return int(math.Round(min(max(f, 0), 1)*float64(length)/2)) * 2 }
	start = min(even(at), length-2)
	return start, max(even(at+size)-start, 2)
}
