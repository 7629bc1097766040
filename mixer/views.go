package mixer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"azulejo/codec"
	"azulejo/mixer/layout"
)

// MainView is the view that every room has: all sources in a grid, unless SetView says otherwise.
const MainView = "main"

// ErrNoView is returned for the name of a view that the room does not have.
var ErrNoView = errors.New("no such view")

// View says what a picture shows. The zero View is every source in a grid on the room's canvas. Two Views
// that say the same are one picture: composed once and encoded once.
type View struct {
	Layout    layout.Kind       `json:"layout,omitempty"`    // empty: grid
	Spotlight string            `json:"spotlight,omitempty"` // id or name of the source shown large or alone; empty: who speaks
	Exclude   []string          `json:"exclude,omitempty"`   // ids or names of sources that are not shown
	Tiles     []layout.Fraction `json:"tiles,omitempty"`     // of custom: where the sources go, in order
	Width     int               `json:"w,omitempty"`         // of the canvas in pixels, even; zero: the room's
	Height    int               `json:"h,omitempty"`
	FPS       int               `json:"fps,omitempty"`      // pictures a second; zero: the room's
	Capacity  int               `json:"capacity,omitempty"` // tiles at most, the last says how many are not shown; zero: layout.DefaultCapacity
	Page      int               `json:"page,omitempty"`     // of those beyond Capacity, from 1 on; beyond the last: the last; zero: the first
	Cycle     int               `json:"cycle,omitempty"`    // seconds until the next page; zero: Page stays
	Fill      bool              `json:"fill,omitempty"`     // crop pictures to their tiles instead of fitting them; never screen shares
	NoLabels  bool              `json:"noLabels,omitempty"` // no names, even if the room has them
}

// normalize fills in what is the room's, leaves out what means nothing and puts lists into one order, so that equal
// views are equal.
func (v View) normalize(cfg Config) View {
	set := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	set(&v.Width, cfg.Width)
	set(&v.Height, cfg.Height)
	set(&v.FPS, cfg.FPS)
	switch {
	case v.Layout == "":
		v.Layout = layout.KindGrid
	case v.Layout == layout.KindFocus && v.Spotlight == "":
		v.Layout = layout.KindSpeaker
	}
	switch v.Layout { // what means nothing in it
	case layout.KindGrid, layout.KindCustom:
		v.Spotlight = ""
	case layout.KindSpeaker, layout.KindFocus:
		v.Cycle, v.Page = 0, 0
	}
	v.Capacity = layout.Most(v.scene())
	if v.Cycle > 0 || v.Page == 1 {
		v.Page = 0
	}
	v.NoLabels = v.NoLabels || !cfg.Labels
	v.Exclude = slices.Compact(slices.Sorted(slices.Values(v.Exclude)))
	return v
}

// scene is the view without sources.
func (v View) scene() layout.Scene {
	return layout.Scene{Kind: v.Layout, Width: v.Width, Height: v.Height, Capacity: v.Capacity, Cells: v.Tiles}
}

// key is the same for two normalized views that show the same.
func (v View) key() string {
	text, err := json.Marshal(v)
	if err != nil { // a fraction that is no number, which Validate refuses
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// alone tells whether the view may pass one source's packets on as they are.
func (v View) alone() bool { return v.Layout == layout.KindFocus && v.NoLabels && v.Spotlight != "" }

// Watching says what a sink wants to see.
type Watching struct {
	Name  string   // of a named view; "main" when empty; not used with View
	View  *View    // a personal view instead
	Codec codec.ID // H264 or VP8
	Rung  string   // "720p" and so on: the largest rung up to it; empty or "auto": the largest there is, see Auto
	// Profile is the highest H.264 profile_idc that the sink can decode, Baseline (66), Main (77) or High (100), each of
	// which reads those before it (H.264 A.2). A view of one source alone, without labels, is passed on unchanged to
	// sinks that can decode it. Zero: never pass on.
	Profile uint8
	// Also is the other codec, if the sink can decode that too; only what is passed on comes in it, and the stream may
	// change between both at key pictures.
	Also codec.ID
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

func (l *Layout) same(o *Layout) bool {
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

// LayoutSink is a Sink that is told what the pictures show: right before the first packet whose picture
// shows it, from the same goroutine, under the same rules as WritePacket. pts is that packet's.
type LayoutSink interface {
	Sink
	WriteLayout(l *Layout, pts time.Duration)
}
