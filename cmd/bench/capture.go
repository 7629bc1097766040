package main

import (
	"errors"
	"slices"
	"sync"

	"azulejo/mixer"
)

// capture collects the video packets that a viewer receives, while it is on. Its methods are safe for concurrent use.
type capture struct {
	mu      sync.Mutex
	on      bool
	packets []mixer.Packet
}

// add appends p, from the first keyframe after start on. It is the callback of a client.
func (c *capture) add(p mixer.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on && (p.Key || len(c.packets) > 0) {
		c.packets = append(c.packets, p)
	}
}

// start drops what was collected and collects from the next keyframe on.
func (c *capture) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.packets = true, nil
}

// finish stops and returns what was collected.
func (c *capture) finish() ([]mixer.Packet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = false
	if len(c.packets) == 0 {
		return nil, errors.New("the viewer received no keyframe")
	}
	if slices.ContainsFunc(c.packets, func(p mixer.Packet) bool { return p.Lost || p.Codec != mixer.H264 }) {
		return nil, errors.New("the viewer lost frames or received another format than h264")
	}
	return c.packets, nil
}
