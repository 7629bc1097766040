package layout

import "azulejo/mixer"

// Scene holds everything that decides where tiles are. Arrange accepts every Scene. A Scene made from a view that
// mixer.View.Validate would refuse has fewer tiles, or none.
type Scene struct {
	Kind          mixer.LayoutKind // empty: a grid
	Width, Height int              // of the canvas in pixels
	Count         int              // number of sources that want a tile; they have the indices 0 to Count-1 in the order of their tiles
	Large         int              // index of the source that is shown large or alone; -1: the first; ignored by grid and custom layouts
	Capacity      int              // greatest number of tiles, with the one that says how many sources are not shown; 0: mixer.DefaultCapacity
	Page          int              // number of the page, 0 or more; Arrange takes it modulo the result of Pages
	Cells         []mixer.Fraction // the tiles of a custom layout
}

// Tile is the rectangle of one source on the canvas. One tile may instead say how many sources are not shown.
type Tile struct {
	Rect
	Index int // index of the source; -1: the tile says how many sources are not shown
	More  int // number of sources that are not shown, if Index is -1; zero otherwise
}

// Arrange returns the tiles of a scene, in drawing order. In pip and custom layouts, tiles may overlap. Then a later tile
// covers an earlier tile.
//
// If there are more sources than tiles, the last tile says how many sources are not shown. The sources are distributed over
// pages, and the other tiles show the sources of one page. A single tile shows a source and not the number. Every page is
// full, so that tiles have the same size on all pages. To fill the last page, its first sources are repeated from the page
// before. In spotlight and pip layouts the large source is on every page.
//
// The rectangles depend only on the canvas, with two exceptions. The tiles of a grid are as large as their number allows. A
// large source without other sources fills the canvas.
func Arrange(s Scene) []Tile {
	if s.Count < 1 || s.Width < 2 || s.Height < 2 {
		return nil
	}
	switch s.Kind {
	case mixer.KindSpeaker, mixer.KindFocus:
		return []Tile{{Rect: s.canvas(), Index: s.large()}}
	case mixer.KindSpotlight, mixer.KindPiP:
		return s.arrangeLarge()
	case mixer.KindCustom:
		return s.page().tiles(s.cells())
	default:
		p := s.page()
		return p.tiles(Grid(p.tileCount(), s.Width, s.Height))
	}
}

// Pages returns the number of pages of a scene. It is at least one.
func Pages(s Scene) int { return s.page().pages }

// Most returns the greatest number of tiles that a scene can have, for any number of sources.
func Most(s Scene) int {
	switch s.Kind {
	case mixer.KindSpeaker, mixer.KindFocus:
		return 1
	case mixer.KindSpotlight:
		return min(1+s.strip().count, s.capacity())
	case mixer.KindPiP:
		return min(1+s.row().count, s.capacity())
	case mixer.KindCustom:
		return min(len(s.Cells), s.capacity())
	default:
		return s.capacity()
	}
}

// Hidden returns how many of count sources are on none of the tiles.
func Hidden(count int, tiles []Tile) int {
	for _, t := range tiles {
		if t.Index >= 0 {
			count--
		}
	}
	return max(count, 0)
}

// canvas returns the canvas, with its sides rounded down to even numbers.
func (s Scene) canvas() Rect { return Rect{W: s.Width &^ 1, H: s.Height &^ 1} }

// large returns the index of the large source.
func (s Scene) large() int {
	if s.Large < 0 || s.Large >= s.Count {
		return 0
	}
	return s.Large
}

func (s Scene) capacity() int {
	if s.Capacity <= 0 {
		return mixer.DefaultCapacity
	}
	return s.Capacity
}

// page returns the page with the number s.Page. All sources are distributed over pages, except the large source of a
// spotlight or pip layout.
func (s Scene) page() page {
	switch s.Kind {
	case mixer.KindSpeaker, mixer.KindFocus:
		return page{pages: 1}
	case mixer.KindSpotlight, mixer.KindPiP:
		return paginate(s.Count-1, Most(s)-1, s.Page)
	default:
		return paginate(s.Count, Most(s), s.Page)
	}
}

// arrangeLarge returns the tiles of a spotlight or pip layout: a large tile, and a line of small tiles.
func (s Scene) arrangeLarge() []Tile {
	line := s.row()
	if s.Kind == mixer.KindSpotlight {
		line = s.strip()
	}
	p := s.page()
	large := Tile{Rect: s.canvas(), Index: s.large()}
	if p.tileCount() > 0 {
		large.Rect = line.large
	}
	small := p.tiles(line.rects(p.tileCount()))
	for i := range small {
		if small[i].Index >= large.Index {
			small[i].Index++ // the indices in p do not count the large source
		}
	}
	return append([]Tile{large}, small...)
}

// page holds the sources that are shown on one page.
type page struct {
	first      int  // index of the first source that is shown
	visible    int  // number of sources that are shown
	more       int  // number of sources that are not shown
	hasCounter bool // one tile says how many sources are not shown
	pages      int  // number of pages
}

// paginate distributes n sources over pages with perPage tiles each. It returns the page with the given number, modulo the
// number of pages.
func paginate(n, perPage, number int) page {
	n, perPage = max(n, 0), max(perPage, 0)
	if n <= perPage || perPage == 0 {
		return page{visible: min(n, perPage), pages: 1}
	}
	hasCounter := perPage > 1
	each := perPage
	if hasCounter {
		each--
	}
	pages := (n + each - 1) / each
	return page{first: min(max(number, 0)%pages*each, n-each), visible: each, more: n - each, hasCounter: hasCounter, pages: pages}
}

// tileCount returns the number of tiles that the page needs.
func (p page) tileCount() int {
	if p.hasCounter {
		return p.visible + 1
	}
	return p.visible
}

// tiles returns the tiles of the page, with their rectangles taken from rects. rects may have more rectangles than the page
// needs. If the canvas is too small, rects is empty, and so is the result.
func (p page) tiles(rects []Rect) []Tile {
	n := min(len(rects), p.tileCount())
	tiles := make([]Tile, 0, n+1) // one more than n, for a large tile
	for i, r := range rects[:n] {
		t := Tile{Rect: r, Index: p.first + i}
		if i == p.visible {
			t.Index, t.More = -1, p.more
		}
		tiles = append(tiles, t)
	}
	return tiles
}
