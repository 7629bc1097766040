package layout

import "azulejo/mixer"

// Scene holds everything that decides where tiles are. Every Scene is accepted: one that mixer.View.Validate would refuse
// has fewer tiles, or none.
type Scene struct {
	Kind          mixer.LayoutKind // empty: a grid
	Width, Height int              // of the canvas in pixels
	Count         int              // number of sources that want a tile; they have the indices 0 to Count-1 in the order of their tiles
	Large         int              // index of the source that is shown large or alone; -1: the first; ignored by grid and custom layouts
	Capacity      int              // greatest number of tiles, including the tile that says how many sources are not shown; 0: DefaultCapacity
	Page          int              // number of the page, 0 or more, taken modulo Pages
	Cells         []mixer.Fraction // the tiles of a custom layout
}

// Tile is the place of one source on the canvas.
type Tile struct {
	Rect
	Index int // index of the source; -1: the tile says how many sources are not shown
	More  int // number of sources that are not shown, if Index is -1; zero otherwise
}

// Arrange places the sources of a scene. In pip and custom layouts, tiles may overlap. Then a later tile lies on an earlier
// one.
//
// If there are more sources than places, the last place says how many sources are not shown, and the sources share the
// other places page by page. If there is only one place, it shows a source, and the number is not shown. Every page is
// full, so that tiles have the same size on all pages: the last page starts with sources that the page before shows too. In
// spotlight and pip layouts the large source is on every page.
//
// Places depend only on the canvas, with two exceptions: the tiles of a grid are as large as their number allows, and a
// large source without others fills the canvas.
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
		return p.tiles(Grid(p.places(), s.Width, s.Height))
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
		return min(1+s.strip().places, s.capacity())
	case mixer.KindPiP:
		return min(1+s.row().places, s.capacity())
	case mixer.KindCustom:
		return min(len(s.Cells), s.capacity())
	default:
		return s.capacity()
	}
}

// Hidden returns how many of count sources have none of the tiles.
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

// page returns the current page of the sources that share places. These are all sources, or in spotlight and pip layouts
// all but the large one.
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

// arrangeLarge places the sources of a spotlight or pip layout: one on a large tile, and the others on a line of small
// tiles.
func (s Scene) arrangeLarge() []Tile {
	line := s.row()
	if s.Kind == mixer.KindSpotlight {
		line = s.strip()
	}
	p := s.page()
	large := Tile{Rect: s.canvas(), Index: s.large()}
	if p.places() > 0 {
		large.Rect = line.large
	}
	small := p.tiles(line.rects(p.places()))
	for i := range small {
		if small[i].Index >= large.Index {
			small[i].Index++ // page does not count the large source
		}
	}
	return append([]Tile{large}, small...)
}

// page holds the sources that are shown on one page.
type page struct {
	first      int  // index of the first source that is shown
	visible    int  // number of sources that are shown
	more       int  // number of sources that are not shown
	hasCounter bool // one place says how many sources are not shown
	pages      int  // number of pages
}

// paginate distributes n sources over pages with perPage places each, and returns the page with the given number, modulo
// the number of pages.
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

// places returns the number of rectangles that the page needs.
func (p page) places() int {
	if p.hasCounter {
		return p.visible + 1
	}
	return p.visible
}

// tiles places the page's sources in rects. rects may have more rectangles than the page needs. If the canvas is too small,
// it has none.
func (p page) tiles(rects []Rect) []Tile {
	n := min(len(rects), p.places())
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
