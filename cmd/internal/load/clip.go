// Package load has clients that put load on a server: they publish the video of media files and view rooms. The command
// azulejo load and cmd/bench use it. One goroutine must own a Crowd. A Clip is read-only, and goroutines may share it.
package load

import (
	"errors"
	"fmt"
	"io"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// Clip is the video track of a file. The whole track is in memory, so that no file is read while a client plays the clip.
type Clip struct {
	Name    string // of the file
	Codec   mixer.Codec
	Packets []mixer.Packet // at least two, sorted by PTS; the first PTS is 0
	Length  time.Duration  // how long it takes to play all packets once, with the last one
}

// ReadClip reads the video track of a file. It returns an error if the track is neither H.264 nor VP8, has B-frames, or has
// less than two frames.
func ReadClip(name string) (*Clip, error) {
	f, err := codec.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &Clip{Name: name}
	if c.Codec, _ = f.Codecs(); c.Codec != mixer.H264 && c.Codec != mixer.VP8 {
		return nil, fmt.Errorf("%s: picture format %q: accepted are h264, vp8", name, c.Codec)
	}
	if err := c.read(f); err != nil {
		return nil, err
	}
	if len(c.Packets) < 2 {
		return nil, fmt.Errorf("%s: %d pictures: at least two are needed", name, len(c.Packets))
	}
	last := c.Packets[len(c.Packets)-1]
	c.Length = last.PTS + last.PTS/time.Duration(len(c.Packets)-1)
	return c, nil
}

// read appends the video packets of f.
func (c *Clip) read(f *codec.File) error {
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.Codec != c.Codec {
			continue
		}
		if n := len(c.Packets); n > 0 && p.PTS <= c.Packets[n-1].PTS {
			return fmt.Errorf("%s: pictures are out of order (B-frames): real-time clients do not send such", c.Name)
		}
		c.Packets = append(c.Packets, p)
	}
}

// From returns a copy of the clip that starts with the frame at index n. Frames 0 to n-1 follow after the last frame. The
// copies share the data of the packets.
func (c *Clip) From(n int) *Clip {
	rotated := *c
	rotated.Packets = make([]mixer.Packet, 0, len(c.Packets))
	start := c.Packets[n].PTS
	for i := range c.Packets {
		p := c.Packets[(n+i)%len(c.Packets)]
		if p.PTS -= start; p.PTS < 0 {
			p.PTS += c.Length
		}
		rotated.Packets = append(rotated.Packets, p)
	}
	return &rotated
}

// FPS returns the number of frames per second.
func (c *Clip) FPS() float64 { return float64(len(c.Packets)) / c.Length.Seconds() }

// Keyframes returns the indexes of all keyframes.
func (c *Clip) Keyframes() []int {
	var all []int
	for i, p := range c.Packets {
		if p.Key {
			all = append(all, i)
		}
	}
	return all
}
