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
	Spotlight string     `json:"spotlight,omitempty"` // id or name of the source that is shown large or alone; empty: the active speaker
	Exclude   []string   `json:"exclude,omitempty"`   // ids or names of sources that are not shown
	Tiles     []Fraction `json:"tiles,omitempty"`     // for KindCustom: the rectangles of the tiles, in the order of the sources
	Width     int        `json:"w,omitempty"`         // of the canvas in pixels, even; zero: as in the room's Config
	Height    int        `json:"h,omitempty"`
	FPS       int        `json:"fps,omitempty"`      // frames a second; zero: as in the room's Config
	Capacity  int        `json:"capacity,omitempty"` // largest number of tiles; if there are more sources, the last tile shows how many are hidden; zero: DefaultCapacity
	Page      int        `json:"page,omitempty"`     // which page is shown if there are more sources than Capacity, from 1 on; beyond the last page: the last; zero: the first
	Cycle     int        `json:"cycle,omitempty"`    // seconds until the next page is shown; zero: Page is always shown
	Fill      bool       `json:"fill,omitempty"`     // crop frames to their tiles instead of fitting them; screen shares are never cropped
	NoLabels  bool       `json:"noLabels,omitempty"` // draw no names, even if Config.Labels is set
}

// Key returns a text that identifies the view. Equal views have equal keys if their default values have been filled in.
func (v View) Key() string {
	text, err := json.Marshal(v)
	if err != nil { // a Fraction is NaN, which Validate refuses
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// Alone reports whether the view shows one named source without its name, and no other source. Only such a view allows
// passthrough.
func (v View) Alone() bool { return v.Layout == KindFocus && v.NoLabels && v.Spotlight != "" }

// Watching describes the video that a subscription gets.
type Watching struct {
	Name  string // of a named view; empty is "main"; ignored if View is set
	View  *View  // a personal view
	Codec Codec  // H264 or VP8
	Rung  string // such as "720p": the largest rung that is not larger; empty or "auto": the largest of all, see Auto
	// Profile is the highest H.264 profile_idc that the sink can decode: Baseline (66), Main (77) or High (100). A decoder
	// of one profile also decodes the profiles before it in this list (H.264 A.2). If the view shows one source alone, and
	// the sink can decode the packets of the source, they are passed through unchanged. Zero: no passthrough.
	Profile uint8
	// Also is the other one of H264 and VP8, if the sink can decode it too; empty otherwise. It is used for passthrough
	// only. The stream may change between both codecs at keyframes.
	Also Codec
	// Keep is set for recordings. Their subscriptions stay at their rung when the machine is overloaded. Their renditions
	// have a keyframe at each multiple of Config.GOP, where the recording is cut into segments.
	Keep bool
}

// Auto reports whether w names no rung. Then the server may move the subscription to the rung that its network carries.
func (w Watching) Auto() bool { return auto(w.Rung) }

// Layout describes the tiles of a canvas. It is shared and read-only.
type Layout struct {
	Canvas Size       `json:"canvas"`
	Tiles  []TileInfo `json:"tiles"`
	Hidden int        `json:"hidden,omitempty"` // sources without a tile
	Page   int        `json:"page,omitempty"`   // the page that is shown, from 1 on; zero if there is only one page
	Pages  int        `json:"pages,omitempty"`
}

// Same reports whether both layouts are equal.
func (l *Layout) Same(o *Layout) bool {
	return o != nil && l.Canvas == o.Canvas && l.Hidden == o.Hidden && l.Page == o.Page && l.Pages == o.Pages &&
		slices.Equal(l.Tiles, o.Tiles)
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
	Age      int    `json:"age"` // seconds since the newest frame; zero while the source is live
	Speaking bool   `json:"speaking"`
}
