package client

import (
	"encoding/json"
	"fmt"

	"azulejo/mixer"
)

// Selection says which picture to receive, and how large. What is empty is not said: the server keeps what it has,
// or begins with the view main and the largest rung.
type Selection struct {
	View      string   `json:"view,omitempty"`      // a named view
	Spotlight string   `json:"spotlight,omitempty"` // id or name of a participant
	Exclude   []string `json:"exclude,omitempty"`   // ids or names
	Layout    any      `json:"layout,omitempty"`    // a layout.Kind, or a mixer.View that replaces the named one
	Rung      string   `json:"rung,omitempty"`
}

// Rendition is what the server sends.
type Rendition struct {
	Codec   mixer.Codec `json:"codec"`
	Width   int         `json:"w"`
	Height  int         `json:"h"`
	FPS     float64     `json:"fps"`
	Bitrate int         `json:"bitrate"` // bits a second
}

// Layout is what the picture shows from RTP time on; View is empty for a personal view.
type Layout struct {
	View string `json:"view"`
	RTP  uint32 `json:"rtp"`
	mixer.Layout
}

// Tile is the largest one, in pixels, that shows what this client publishes; zero: nobody sees it.
type Tile struct {
	Width  int `json:"w"`
	Height int `json:"h"`
}

// Told is what the server said last about the picture.
type Told struct {
	Rendition Rendition `json:"rendition,omitzero"`
	Layout    Layout    `json:"-"`
	Layouts   uint64    `json:"layouts"` // how many
	Tile      Tile      `json:"tile,omitzero"`
	Overload  int       `json:"overload"` // see mixer.Mixer.Overload
}

// Select asks for another picture. A named view, spotlight, exclude and layout together replace the ones before;
// a rung alone changes the size. OnRendition and OnLayout tell when the new picture comes, OnError when it is refused.
func (c *Client) Select(s Selection) error {
	return c.send(viewMessage{"view", s})
}

// Told is a snapshot; the layout's tiles are shared.
func (c *Client) Told() Told {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// hear reads a message about the picture, notes it, and calls on, which may be nil.
func hear[T any](c *Client, data []byte, note func(*Told, T), on func(T)) error {
	var m T
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read %T: %w", m, err)
	}
	c.mu.Lock()
	note(&c.said, m)
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

// picture handles the messages about the picture.
func (c *Client) picture(kind string, data []byte) error {
	switch kind {
	case "rendition":
		return hear(c, data, func(t *Told, r Rendition) { t.Rendition = r }, c.cfg.OnRendition)
	case "layout":
		return hear(c, data, func(t *Told, l Layout) { t.Layout, t.Layouts = l, t.Layouts+1 }, c.cfg.OnLayout)
	case "tile":
		return hear(c, data, func(t *Told, m Tile) { t.Tile = m }, c.cfg.OnTile)
	case "overload":
		return hear(c, data, func(t *Told, o overload) { t.Overload = o.Level }, func(o overload) {
			if c.cfg.OnOverload != nil {
				c.cfg.OnOverload(o.Level)
			}
		})
	}
	return nil // newer servers may say more
}
