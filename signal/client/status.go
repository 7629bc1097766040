package client

import (
	"encoding/json"
	"fmt"

	"azulejo/mixer"
)

// Selection selects a view and a rung. An empty Rung keeps the present rung. If all other fields are empty, the present view
// stays. Otherwise the fields that are set describe a new view. A client that has selected nothing watches the view main in
// its largest rung.
type Selection struct {
	View      string   `json:"view,omitempty"`      // a named view
	Spotlight string   `json:"spotlight,omitempty"` // id or name of a participant
	Exclude   []string `json:"exclude,omitempty"`   // ids or names of participants
	Layout    any      `json:"layout,omitempty"`    // a mixer.LayoutKind, or a mixer.View that replaces the named view
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

// Layout is the layout of the received video, from the frame with the RTP timestamp RTP on. View is empty for a personal
// view.
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

// Status has the newest messages of the server.
type Status struct {
	Rendition Rendition `json:"rendition,omitzero"`
	Layout    Layout    `json:"-"`
	Layouts   uint64    `json:"layouts"` // number of layouts that were received
	Tile      Tile      `json:"tile,omitzero"`
	Overload  int       `json:"overload"` // the room's level of overload, 0 to 4
}

// Select changes the video that the client watches. OnRendition and OnLayout are called when the new video arrives. OnError is
// called if the server refuses the selection.
func (c *Client) Select(s Selection) error {
	return c.send(viewMessage{"view", s})
}

// Status returns a snapshot. The caller must not change the tiles of the layout, because all snapshots share them.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// update decodes a message, calls store to put it into the status, and then calls callback, unless callback is nil.
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

// overload is the message of type overload.
type overload struct {
	Level int `json:"level"`
}

// updateStatus handles the messages that change the status. It ignores messages of unknown types.
func (c *Client) updateStatus(kind string, data []byte) error {
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
