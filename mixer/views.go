package mixer

import (
	"fmt"
	"time"

	"azulejo/codec"
	"azulejo/mixer/layout"
)

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
	Capacity  int               `json:"capacity,omitempty"` // tiles at most, the last says how many are not shown; zero: 25
	Cycle     int               `json:"cycle,omitempty"`    // seconds until the next page of those beyond Capacity; zero: the first page stays
	Fill      bool              `json:"fill,omitempty"`     // crop pictures to their tiles instead of fitting them; never screen shares
	NoLabels  bool              `json:"noLabels,omitempty"` // no names, even if the room has them
}

// Watching says what a sink wants to see.
type Watching struct {
	Name  string   // of a named view; "main" when empty; not used with View
	View  *View    // a personal view instead
	Codec codec.ID // H264 or VP8
	Rung  string   // "720p" and so on: the largest rung up to it; empty or "auto": the largest there is
	// Profiles are the H.264 profile_idc that the sink can decode besides constrained baseline; a view of one
	// source alone, without labels, is passed on unchanged to sinks that can decode it.
	Profiles []uint8
}

// Layout is what a picture shows from a moment on. It is shared: nobody writes to it.
type Layout struct {
	Canvas Size       `json:"canvas"`
	Tiles  []TileInfo `json:"tiles"`
	Hidden int        `json:"hidden,omitempty"` // sources without a tile
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

// Demand is what a room makes of a source's picture.
type Demand struct {
	Width, Height int // of the largest tile that shows it, in pixels; zero: nobody sees it now
	Layer         int // that is decoded, or would be
}

// SourceConfig says what a new source is.
type SourceConfig struct {
	ID     string // for layouts; the name when empty
	Name   string // what the tile says
	Place  int    // tiles are ordered by it; sources of the same place by age
	Screen bool   // a shared screen: never cropped
	// Layers is how many versions of its picture the source may be put (simulcast, sub-streams); zero means one.
	// Layer 0 is the largest.
	Layers int
	// Refresh asks the sender for a key picture, at most once a second; Demanded is told what the pictures are
	// used for when that changes. Both may be nil; both are called from the mixer's goroutines and must not block.
	Refresh  func()
	Demanded func(Demand)
}

// SetView gives a view of that name another meaning, or makes it; those who watch it see the change at
// the next key picture. The error names the field that is wrong and what is accepted.
func (m *Mixer) SetView(name string, v View) error {
	return fmt.Errorf("view %q: %w", name, codec.ErrUnsupported)
}

// DeleteView removes a named view; those who watch it see main from then on. main goes back to what the
// zero View is. False means that there was none.
func (m *Mixer) DeleteView(name string) bool { return false }

// Views returns the named views.
func (m *Mixer) Views() map[string]View { return map[string]View{MainView: {}} }

// Speaker is the id of the source that speaks or spoke last, empty before the first.
func (m *Mixer) Speaker() string { return "" }

// Overload is how far the room is degraded because the machine is too slow: 0 is not at all, 1 shows tiles that
// hardly change less often, 2 halves the frame rate, 3 encodes no rung above the second, 4 wants no more
// members.
func (m *Mixer) Overload() int { return 0 }

// Change makes the subscription watch something else, from a key picture of that on; until then the old
// goes on. Codec and Profiles of w are ignored: they stay.
func (s *Subscription) Change(w Watching) error { return nil }

// Rendition describes what the subscription gets.
func (s *Subscription) Rendition() RenditionStats { return RenditionStats{} }

// PutLayer is PutVideo for one of several versions of the picture; layer 0 is the largest. Each may be put
// from a goroutine of its own.
func (s *Source) PutLayer(layer int, p codec.Packet) {
	if layer == 0 {
		s.PutVideo(p)
	}
}
