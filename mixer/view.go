package mixer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// MainView is the view that every room has: all sources in a grid, unless SetView says otherwise.
const MainView = "main"

// ErrNoView is returned for the name of a view that the room does not have.
var ErrNoView = errors.New("no such view")

// View says what a picture shows. The zero View is every source in a grid on the room's canvas. Two Views
// that say the same are one picture: composed once and encoded once.
type View struct {
	Layout    LayoutKind `json:"layout,omitempty"`    // empty: grid
	Spotlight string     `json:"spotlight,omitempty"` // id or name of the source shown large or alone; empty: who speaks
	Exclude   []string   `json:"exclude,omitempty"`   // ids or names of sources that are not shown
	Tiles     []Fraction `json:"tiles,omitempty"`     // of custom: where the sources go, in order
	Width     int        `json:"w,omitempty"`         // of the canvas in pixels, even; zero: the room's
	Height    int        `json:"h,omitempty"`
	FPS       int        `json:"fps,omitempty"`      // pictures a second; zero: the room's
	Capacity  int        `json:"capacity,omitempty"` // tiles at most, the last says how many are not shown; zero: DefaultCapacity
	Page      int        `json:"page,omitempty"`     // of those beyond Capacity, from 1 on; beyond the last: the last; zero: the first
	Cycle     int        `json:"cycle,omitempty"`    // seconds until the next page; zero: Page stays
	Fill      bool       `json:"fill,omitempty"`     // crop pictures to their tiles instead of fitting them; never screen shares
	NoLabels  bool       `json:"noLabels,omitempty"` // no names, even if the room has them
}

// Key is the same for two normalized views that show the same.
func (v View) Key() string {
	text, err := json.Marshal(v)
	if err != nil { // a fraction that is no number, which Validate refuses
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// Alone tells whether the view shows one named source and nothing else, so that its packets may be passed through as they are.
func (v View) Alone() bool { return v.Layout == KindFocus && v.NoLabels && v.Spotlight != "" }

// Watching says what a sink wants to see.
type Watching struct {
	Name  string // of a named view; "main" when empty; not used with View
	View  *View  // a personal view instead
	Codec Codec  // H264 or VP8
	Rung  string // "720p" and so on: the largest rung up to it; empty or "auto": the largest there is, see Auto
	// Profile is the highest H.264 profile_idc that the sink can decode, Baseline (66), Main (77) or High (100), each of
	// which reads those before it (H.264 A.2). A view of one source alone, without labels, is passed on unchanged to
	// sinks that can decode it. Zero: never pass on.
	Profile uint8
	// Also is the other codec, if the sink can decode that too; only what is passed on comes in it, and the stream may
	// change between both at key pictures.
	Also Codec
	// Keep is for recordings: they stay at the rung that was asked for when the machine is overloaded, and have a key
	// picture at each multiple of Config.GOP, so that they can be cut there.
	Keep bool
}

// Auto tells whether no rung is asked for: who knows the sink's network may lead it to another one.
func (w Watching) Auto() bool { return auto(w.Rung) }

// Layout is what a picture shows from a moment on. It is shared: nobody writes to it.
type Layout struct {
	Canvas Size       `json:"canvas"`
	Tiles  []TileInfo `json:"tiles"`
	Hidden int        `json:"hidden,omitempty"` // sources without a tile
	Page   int        `json:"page,omitempty"`   // that is shown, from 1 on; zero where there is but one
	Pages  int        `json:"pages,omitempty"`
}

// Same tells whether both say the same.
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
	ID       string `json:"id"` // empty: the tile that says how many are not shown
	Name     string `json:"name"`
	X        int    `json:"x"`
	Y        int    `json:"y"`
	W        int    `json:"w"`
	H        int    `json:"h"`
	State    State  `json:"state"`
	Age      int    `json:"age"` // seconds since the newest picture; zero while it is live
	Speaking bool   `json:"speaking"`
}
