package mixer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// MainView is the name of the view that every room has. It is the zero View until SetView defines it.
const MainView = "main"

// ErrNoView is returned for the name of a view that the room does not have.
var ErrNoView = errors.New("no such view")

// View says which sources a composed picture shows, and how. The zero View shows every source in a grid, in the size of
// the room's canvas. Equal views are composed once, and encoded once for each codec and size.
type View struct {
	Layout    LayoutKind `json:"layout,omitempty"`    // empty: grid
	Spotlight string     `json:"spotlight,omitempty"` // id or name of the source that is shown large or alone; empty: the speaker
	Exclude   []string   `json:"exclude,omitempty"`   // ids or names of sources that are not shown
	Tiles     []Fraction `json:"tiles,omitempty"`     // for KindCustom: the rectangles of the tiles, in the order of the sources
	Width     int        `json:"w,omitempty"`         // width of the canvas in pixels, even; zero: as in the room's Config
	Height    int        `json:"h,omitempty"`         // height of the canvas, likewise
	FPS       int        `json:"fps,omitempty"`       // frames a second; zero: as in the room's Config
	// Capacity is the largest number of tiles; zero: DefaultCapacity. If there are more sources, they are on several pages,
	// and the last tile of a page shows how many sources are hidden.
	Capacity int `json:"capacity,omitempty"`
	// Page is the number of the page that is shown, from 1 on; zero: the first. A number beyond the last page shows the last.
	Page     int  `json:"page,omitempty"`
	Cycle    int  `json:"cycle,omitempty"`    // seconds until the next page is shown; Page is then ignored; zero: Page is always shown
	Fill     bool `json:"fill,omitempty"`     // crop frames to their tiles instead of fitting them; screen shares are never cropped
	NoLabels bool `json:"noLabels,omitempty"` // draw no names, even if Config.Labels is set
}

// Key returns a text that identifies the view. Equal views have equal keys, provided that their defaults are filled in.
func (v View) Key() string {
	text, err := json.Marshal(v)
	if err != nil { // a Fraction is NaN, which Validate refuses
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// Alone reports whether the view shows the source that Spotlight names, without a label, and no other source. Only such a
// view allows passthrough.
func (v View) Alone() bool { return v.Layout == KindFocus && v.NoLabels && v.Spotlight != "" }

// Watching describes the video that a subscription gets.
type Watching struct {
	Name  string // name of a named view; empty: MainView; ignored if View is set
	View  *View  // a personal view; nil: the named view
	Codec Codec  // H264 or VP8
	Rung  string // the rung, such as "720p", see PickSize; empty or "auto": the largest rung, see Auto
	// Profile is the highest H.264 profile_idc that the sink can decode: Baseline (66), Main (77) or High (100). A decoder
	// of one profile also decodes the profiles before it in this list (H.264 A.2). Passthrough needs a Profile, and a view
	// for which View.Alone is true. Zero: no passthrough.
	Profile uint8
	// Also is the second codec that the sink can decode: VP8 if Codec is H264, and H264 if Codec is VP8; empty: none. It is
	// used for passthrough only. The stream may change between both codecs at keyframes.
	Also Codec
	// Keep is set for recordings. The subscription then stays at its rung when the machine is overloaded. Its rendition has a
	// keyframe at each multiple of Config.GOP, and the recording is cut into segments there.
	Keep bool
}

// Auto reports whether w names no rung. Then the server may move the subscription to any rung that the viewer's network
// carries.
func (w Watching) Auto() bool { return auto(w.Rung) }

// Layout describes the tiles of a canvas. It is shared and read-only.
type Layout struct {
	Canvas Size       `json:"canvas"`
	Tiles  []TileInfo `json:"tiles"`
	Hidden int        `json:"hidden,omitempty"` // number of sources that have no tile on this page
	Page   int        `json:"page,omitempty"`   // the page that is shown, from 1 on; zero if there is only one page
	Pages  int        `json:"pages,omitempty"`  // number of pages; zero if there is only one page
}

// Same reports whether other is equal to l. It is false for a nil other.
func (l *Layout) Same(other *Layout) bool {
	return other != nil && l.Canvas == other.Canvas && l.Hidden == other.Hidden && l.Page == other.Page && l.Pages == other.Pages &&
		slices.Equal(l.Tiles, other.Tiles)
}

// Size is a width and a height in pixels.
type Size struct {
	W int `json:"w"`
	H int `json:"h"`
}

// TileInfo describes one tile. Its position and size are in pixels of the canvas, not of the rung.
type TileInfo struct {
	ID       string `json:"id"` // empty for the tile that shows the number of hidden sources
	Name     string `json:"name"`
	X        int    `json:"x"`
	Y        int    `json:"y"`
	W        int    `json:"w"`
	H        int    `json:"h"`
	State    State  `json:"state"`
	Reason   Reason `json:"reason,omitempty"` // why the source is not live, see Condition
	Age      int    `json:"age"`              // seconds since video came last, or since it changed last if State is Frozen; zero while live or connecting
	Speaking bool   `json:"speaking"`
}
