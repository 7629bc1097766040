package client

import (
	"encoding/json"
	"fmt"

	"azulejo/mixer"
)

// Selection says what to watch, and in which rung. An empty Rung keeps the rung, at first the largest one. If all other
// fields are empty, the view stays, at first the view main. Otherwise the fields that are set make a new view, which
// replaces the present one.
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

// Layout is the layout of all frames from the RTP timestamp RTP on. View is empty for a personal view.
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
	Overload  int       `json:"overload"` // the room's level of overload, 0 to 4
}

// Select changes what to watch. OnRendition and OnLayout are called when the new video arrives, OnError when the server
// refuses the selection.
func (c *Client) Select(s Selection) error {
	return c.send(viewMessage{"view", s})
}

// Status returns a snapshot. All snapshots share the tiles of the layout, which the caller must not change.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// update decodes a message, stores it in the status, and then calls callback, which may be nil.
func update[T any](c *Client, data []byte, store func(*Status, T), callback func(T)) error {
	var m T
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read %T: %w", m, err)
	}
	c.mu.Lock()
	store(&c.status, m)
	c.mu.Unlock()
	if callback != nil {
		callback(m)
	}
	return nil
}

// overload is the message overload.
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
	return nil // a newer server may have further messages
}
