package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// fileFeed plays a media file in real time and in a loop. Its value is the path of the file. The packets are not decoded. They
// are sent in decoding order, each at its DTS.
type fileFeed string

// Run plays the file until ctx ends or the file cannot be read. It ignores requests for keyframes.
func (f fileFeed) Run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	p := player{ctx: ctx, out: out, timer: time.NewTimer(0)}
	defer p.timer.Stop()
	for {
		if err := p.play(string(f)); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// player sends each packet of a file at its DTS.
type player struct {
	ctx   context.Context
	out   func(mixer.Packet)
	timer *time.Timer
}

// play plays the file once, from its start to its end. It returns nil at the end of the file, and when the context ends.
func (p *player) play(name string) error {
	file, err := codec.OpenFile(name)
	if err != nil {
		return err
	}
	defer file.Close()
	start, n := time.Now(), 0
	for {
		packet, err := file.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			p.wait(start.Add(file.Duration()))
			return nil
		}
		if err != nil {
			return fmt.Errorf("play %s: %w", name, err)
		}
		n++
		if !p.wait(start.Add(packet.DTS)) {
			return nil
		}
		p.out(packet)
	}
}

// wait waits until t. The result is false if the context ended meanwhile.
func (p *player) wait(t time.Time) bool {
	p.timer.Reset(time.Until(t))
	select {
	case <-p.ctx.Done():
		return false
	case <-p.timer.C:
		return true
	}
}
