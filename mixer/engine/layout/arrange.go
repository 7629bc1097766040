package layout

import "azulejo/mixer"

// Scene is what is to be arranged. Its zero Kind is a grid. Every Scene is accepted: what Validate refuses
// has fewer tiles, or none.
type Scene struct {
	Kind          mixer.LayoutKind
	Width, Height int              // of the canvas in pixels
	Count         int              // sources that want a tile, in their order
	Large         int              // index of the one shown large or alone; -1: none, then the first; grid and custom ignore it
	Capacity      int              // tiles at most, with the one that says how many are not shown; 0: DefaultCapacity
	Page          int              // 0 or more, taken modulo Pages
	Cells         []mixer.Fraction // of custom
}

// Tile is a place on the canvas.
type Tile struct {
	Rect
	Index int // which source; -1: the tile that says how many are not shown
	More  int // how many are not shown, on that tile only
}

// Arrange places the sources of a scene; later tiles lie on earlier ones, which only pip and custom need.
//
// When there are more sources than places, the last place says how many are not shown and the others are
// shared page by page; where there is but one place it shows a source, and nothing says how many are not
// shown. Every page is full, so that tiles have the same size on all of them: the last page begins with
// sources of the one before. In spotlight and pip the large one is on every page.
//
// Places depend on the canvas and on nothing else, except in a grid, whose tiles are as large as their number
// allows, and for a large source without others, which fills the canvas.
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

// Pages is how many pages a scene has, at least one.
func Pages(s Scene) int { return s.page().pages }

// Most is how many tiles a scene has at most, however many sources there are.
func Most(s Scene) int {
	switch s.Kind {
	case mixer.KindSpeaker, mixer.KindFocus:
		return 1
	case mixer.KindSpotlight:
		return min(1+s.strip().slots, s.capacity())
	case mixer.KindPiP:
		return min(1+s.row().slots, s.capacity())
	case mixer.KindCustom:
		return min(len(s.Cells), s.capacity())
	default:
		return s.capacity()
	}
}

// Hidden is how many of count sources have no tile.
func Hidden(count int, tiles []Tile) int {
	for _, t := range tiles {
		if t.Index >= 0 {
			count--
		}
	}
	return max(count, 0)
}

func (s Scene) canvas() Rect { return Rect{W: s.Width &^ 1, H: s.Height &^ 1} }

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

// page deals the sources that share places: all of them, or all but the large one.
func (s Scene) page() page {
	switch s.Kind {
	case mixer.KindSpeaker, mixer.KindFocus:
		return page{pages: 1}
	case mixer.KindSpotlight, mixer.KindPiP:
		return deal(s.Count-1, Most(s)-1, s.Page)
	default:
		return deal(s.Count, Most(s), s.Page)
	}
}

// arrangeLarge is spotlight and pip: one large, the others in a line of small ones.
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
			small[i].Index++ // they were counted without the large one
		}
	}
	return append([]Tile{large}, small...)
}

// page is which sources are on a page: shown of them from first on, and how many are not.
type page struct {
	first, shown int
	more         int  // not shown
	says         bool // one place says so
	pages        int
}

// deal gives n sources to so many slots, on the given page.
func deal(n, slots, number int) page {
	n, slots = max(n, 0), max(slots, 0)
	if n <= slots || slots == 0 {
		return page{shown: min(n, slots), pages: 1}
	}
	says := slots > 1
	each := slots
	if says {
		each--
	}
	pages := (n + each - 1) / each
	return page{first: min(max(number, 0)%pages*each, n-each), shown: each, more: n - each, says: says, pages: pages}
}

// places is how many rectangles the page needs.
func (p page) places() int {
	if p.says {
		return p.shown + 1
	}
	return p.shown
}

// tiles puts the page's sources into rects, which may be more than it needs, or none when the canvas is too small.
func (p page) tiles(rects []Rect) []Tile {
	n := min(len(rects), p.places())
	tiles := make([]Tile, 0, n+1) // room for a large one
	for i, r := range rects[:n] {
		t := Tile{Rect: r, Index: p.first + i}
		if i == p.shown {
			t.Index, t.More = -1, p.more
		}
		tiles = append(tiles, t)
	}
	return tiles
}
