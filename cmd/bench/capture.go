package main

import (
	"errors"
	"slices"
	"sync"

	"azulejo/mixer"
)

// capture collects the video packets that a viewer receives between start and finish. Its methods are safe for concurrent
// use.
type capture struct {
	mu      sync.Mutex
	started bool
	packets []mixer.Packet
}

// add appends p if start has been called and finish has not. It drops packets before the first keyframe. add is the viewer's
// OnVideo callback.
func (c *capture) add(p mixer.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started && (p.Key || len(c.packets) > 0) {
		c.packets = append(c.packets, p)
	}
}

// start drops all collected packets and starts to collect at the next keyframe.
func (c *capture) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started, c.packets = true, nil
}

// finish stops collecting and returns the packets, one for each frame. It returns an error if there are no packets, if frames
// were lost, or if a packet is not H.264.
func (c *capture) finish() ([]mixer.Packet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = false
	if len(c.packets) == 0 {
		return nil, errors.New("the viewer received no keyframe")
	}
	if slices.ContainsFunc(c.packets, func(p mixer.Packet) bool { return p.Lost || p.Codec != mixer.H264 }) {
		return nil, errors.New("the viewer lost frames or received another format than h264")
	}
	return c.packets, nil
}
