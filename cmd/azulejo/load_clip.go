package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// clip is the picture track of a file, whole in memory, so that reading costs nothing while it plays.
type clip struct {
	name    string
	id      mixer.Codec
	packets []mixer.Packet
	length  time.Duration
}

func readClip(name string) (*clip, error) {
	f, err := codec.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &clip{name: name}
	if c.id, _ = f.Codecs(); c.id != mixer.H264 && c.id != mixer.VP8 {
		return nil, fmt.Errorf("%s: picture format %q: accepted are h264, vp8", name, c.id)
	}
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.Codec != c.id {
			continue
		}
		if n := len(c.packets); n > 0 && p.PTS <= c.packets[n-1].PTS {
			return nil, fmt.Errorf("%s: pictures are out of order (B-frames): real-time clients do not send such", name)
		}
		c.packets = append(c.packets, p)
	}
	if len(c.packets) < 2 {
		return nil, fmt.Errorf("%s: %d pictures: at least two are needed", name, len(c.packets))
	}
	last := c.packets[len(c.packets)-1]
	c.length = last.PTS + last.PTS/time.Duration(len(c.packets)-1)
	return c, nil
}

// from is the clip as it plays from its n-th picture on: what was before comes after the end.
func (c *clip) from(n int) *clip {
	turned := *c
	turned.packets = make([]mixer.Packet, 0, len(c.packets))
	begin := c.packets[n].PTS
	for i := range c.packets {
		p := c.packets[(n+i)%len(c.packets)]
		if p.PTS -= begin; p.PTS < 0 {
			p.PTS += c.length
		}
		turned.packets = append(turned.packets, p)
	}
	return &turned
}

// rate is how many pictures there are in a second.
func (c *clip) rate() float64 { return float64(len(c.packets)) / c.length.Seconds() }

// keys are the numbers of the pictures that decoding can begin at.
func (c *clip) keys() []int {
	var all []int
	for i, p := range c.packets {
		if p.Key {
			all = append(all, i)
		}
	}
	return all
}
