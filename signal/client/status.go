package client

import (
	"encoding/json"
	"fmt"

	"azulejo/mixer"
)

// Selection says what to watch, and at which size. The server keeps what an empty field selects, at first the view main
// and the largest rung.
type Selection struct {
	View      string   `json:"view,omitempty"`      // a named view
	Spotlight string   `json:"spotlight,omitempty"` // id or name of a participant
	Exclude   []string `json:"exclude,omitempty"`   // ids or names
	Layout    any      `json:"layout,omitempty"`    // a mixer.LayoutKind, or a mixer.View that replaces the named one
	Rung      string   `json:"rung,omitempty"`
}

// Rendition describes the video that the server sends.
type Rendition struct {
	Codec   mixer.Codec `json:"codec"`
	Width   int         `json:"w"`
	Height  int         `json:"h"`
	FPS     float64     `json:"fps"`
	Bitrate int         `json:"bitrate"` // bits a second
}

// Layout is the layout of the frames from an RTP timestamp on; View is empty for a personal view.
type Layout struct {
	View string `json:"view"`
	RTP  uint32 `json:"rtp"`
	mixer.Layout
}

// Tile is the size of the largest tile that shows this client's video, in pixels; zero: no tile shows it.
type Tile struct {
	Width  int `json:"w"`
	Height int `json:"h"`
}

// Status is what the server reported last.
type Status struct {
	Rendition Rendition `json:"rendition,omitzero"`
	Layout    Layout    `json:"-"`
	Layouts   uint64    `json:"layouts"` // number of layouts so far
	Tile      Tile      `json:"tile,omitzero"`
	Overload  int       `json:"overload"` // see mixer.Mixer.Overload
}

// Select changes what to watch. A named view, spotlight, exclude and layout together replace the selection before; a rung
// alone changes the size. OnRendition and OnLayout are called when the new video comes, OnError when it is refused.
func (c *Client) Select(s Selection) error {
	return c.send(viewMessage{"view", s})
}

// Status is a snapshot; the layout's tiles are shared.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// update reads a message into the status, and calls on, which may be nil.
func update[T any](c *Client, data []byte, store func(*Status, T), on func(T)) error {
	var m T
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read %T: %w", m, err)
	}
	c.mu.Lock()
	store(&c.status, m)
	c.mu.Unlock()
	if on != nil {
		on(m)
	}
	return nil
}

// overload is the message of that name.
type overload struct {
	Level int `json:"level"`
}

// report handles the messages that change the status.
func (c *Client) report(kind string, data []byte) error {
	switch kind {
	case "rendition":
		return update(c, data, func(s *Status, r Rendition) { s.Rendition = r }, c.cfg.OnRendition)
	case "layout":
		return update(c, data, func(s *Status, l Layout) { s.Layout, s.Layouts = l, s.Layouts+1 }, c.cfg.OnLayout)
	case "tile":
		return update(c, data, func(s *Status, m Tile) { s.Tile = m }, c.cfg.OnTile)
	case "overload":
		return update(c, data, func(s *Status, o overload) { s.Overload = o.Level }, func(o overload) {
			if c.cfg.OnOverload != nil {
				c.cfg.OnOverload(o.Level)
			}
		})
	}
	return nil // of a newer server
}
