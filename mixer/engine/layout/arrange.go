package layout

import "azulejo/mixer"

// Scene is what decides where tiles are. The zero Kind is a grid. Every Scene is accepted: one that mixer.View.Validate
// would refuse has fewer tiles, or none.
type Scene struct {
	Kind          mixer.LayoutKind
	Width, Height int              // of the canvas in pixels
	Count         int              // sources that want a tile, in their order
	Large         int              // index of the source that is shown large or alone; -1: the first; grid and custom ignore it
	Capacity      int              // tiles at most, including the one that says how many sources are not shown; 0: DefaultCapacity
	Page          int              // 0 or more, taken modulo Pages
	Cells         []mixer.Fraction // of a custom layout
}

// Tile is a place on the canvas.
type Tile struct {
	Rect
	Index int // of the source; -1: the tile that says how many sources are not shown
	More  int // how many sources are not shown; only on that tile
}

// Arrange places the sources of a scene. Later tiles lie on earlier ones, which happens only in pip and custom layouts.
//
// If there are more sources than places, the last place says how many sources are not shown, and the sources share the
// other places page by page. If there is only one place, it shows a source, and the number is not shown. Every page is
// full, so that tiles have the same size on all pages: the last page begins with sources of the page before. In
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

// Pages is how many pages a scene has, at least one.
func Pages(s Scene) int { return s.page().pages }

// Most is how many tiles a scene has at most, for any number of sources.
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

// page is the page of the sources that share places: all sources, or all but the large one.
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

// arrangeLarge is Arrange for spotlight and pip: one large tile, and the others in a line of small ones.
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
			small[i].Index++ // the index did not count the large source
		}
	}
	return append([]Tile{large}, small...)
}

// page is the sources on one page: shown sources, beginning at first.
type page struct {
	first, shown int
	more         int  // sources that are not shown
	counted      bool // one place says how many are not shown
	pages        int
}

// paginate distributes n sources over pages of that many slots, and returns the page with that number.
func paginate(n, slots, number int) page {
	n, slots = max(n, 0), max(slots, 0)
	if n <= slots || slots == 0 {
		return page{shown: min(n, slots), pages: 1}
	}
	counted := slots > 1
	each := slots
	if counted {
		each--
	}
	pages := (n + each - 1) / each
	return page{first: min(max(number, 0)%pages*each, n-each), shown: each, more: n - each, counted: counted, pages: pages}
}

// places is how many rectangles the page needs.
func (p page) places() int {
	if p.counted {
		return p.shown + 1
	}
	return p.shown
}

// tiles places the page's sources in rects. There may be more rects than needed, or none if the canvas is too small.
func (p page) tiles(rects []Rect) []Tile {
	n := min(len(rects), p.places())
	tiles := make([]Tile, 0, n+1) // with room for a large tile
	for i, r := range rects[:n] {
		t := Tile{Rect: r, Index: p.first + i}
		if i == p.shown {
			t.Index, t.More = -1, p.more
		}
		tiles = append(tiles, t)
	}
	return tiles
}
