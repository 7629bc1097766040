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

// View describes which sources are shown, and how. The zero View shows every source in a grid on the room's canvas. Equal
// views are composed once and encoded once.
type View struct {
	Layout    LayoutKind `json:"layout,omitempty"`    // empty: grid
	Spotlight string     `json:"spotlight,omitempty"` // id or name of the source shown large or alone; empty: the active speaker
	Exclude   []string   `json:"exclude,omitempty"`   // ids or names of sources that are not shown
	Tiles     []Fraction `json:"tiles,omitempty"`     // of KindCustom: the place of each source, in order
	Width     int        `json:"w,omitempty"`         // of the canvas in pixels, even; zero: that of the room
	Height    int        `json:"h,omitempty"`
	FPS       int        `json:"fps,omitempty"`      // frames a second; zero: that of the room
	Capacity  int        `json:"capacity,omitempty"` // largest number of tiles; if sources are hidden, the last tile shows their number; zero: DefaultCapacity
	Page      int        `json:"page,omitempty"`     // of the sources if there are more than Capacity, from 1 on; a larger number than the last shows the last; zero: the first
	Cycle     int        `json:"cycle,omitempty"`    // seconds from page to page; zero: Page is always shown
	Fill      bool       `json:"fill,omitempty"`     // crop frames to their tiles instead of fitting them; screen shares are never cropped
	NoLabels  bool       `json:"noLabels,omitempty"` // draw no names, even if the room has Labels
}

// Key identifies a normalized view: equal views have equal keys.
func (v View) Key() string {
	text, err := json.Marshal(v)
	if err != nil { // a fraction is NaN, which Validate refuses
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// Alone reports whether the view shows one named source and nothing else. Only such a view allows passthrough.
func (v View) Alone() bool { return v.Layout == KindFocus && v.NoLabels && v.Spotlight != "" }

// Watching describes what a subscription to video shows.
type Watching struct {
	Name  string // of a named view; empty is "main"; ignored if View is set
	View  *View  // a personal view
	Codec Codec  // H264 or VP8
	Rung  string // such as "720p": the largest rung up to it; empty or "auto": the largest of all, see Auto
	// Profile is the highest H.264 profile_idc that the sink can decode: Baseline (66), Main (77) or High (100). Each of
	// them includes the ones before (H.264 A.2). The packets of a source are passed through unchanged if the view shows it
	// alone and the sink can decode them. Zero: no passthrough.
	Profile uint8
	// Also is the other codec, if the sink can decode it too. It is used for passthrough only. The stream may change
	// between both codecs at keyframes.
	Also Codec
	// Keep is for recordings: they stay at their rung when the machine is overloaded, and have a keyframe at each multiple
	// of Config.GOP, where the recording is cut into segments.
	Keep bool
}

// Auto reports whether no rung is named. Then bandwidth estimation may move the subscription to another rung.
func (w Watching) Auto() bool { return auto(w.Rung) }

// Layout describes the tiles of a canvas. It is shared and read-only.
type Layout struct {
	Canvas Size       `json:"canvas"`
	Tiles  []TileInfo `json:"tiles"`
	Hidden int        `json:"hidden,omitempty"` // sources without a tile
	Page   int        `json:"page,omitempty"`   // that is shown, from 1 on; zero if there is only one page
	Pages  int        `json:"pages,omitempty"`
}

// Same reports whether both layouts are equal.
func (l *Layout) Same(o *Layout) bool {
	return o != nil && l.Canvas == o.Canvas && l.Hidden == o.Hidden && l.Page == o.Page && l.Pages == o.Pages &&
		slices.Equal(l.Tiles, o.Tiles)
}

// Size is in pixels.
type Size struct {
	W int `json:"w"`
	H int `json:"h"`
}

// TileInfo is one tile, in pixels of the canvas (not of the rung).
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
