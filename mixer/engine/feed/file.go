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

// fileFeed is the path of a media file. It is played in real time, again from its start at its end. Packets go out in
// decoding order at the pace of their decoding times, without being decoded here.
type fileFeed string

func (f fileFeed) Run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	p := player{ctx: ctx, out: out, timer: time.NewTimer(0)}
	defer p.timer.Stop()
	for {
		if err := p.play(string(f)); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// player paces the packets of a file over many rounds.
type player struct {
	ctx   context.Context
	out   func(mixer.Packet)
	timer *time.Timer
}

// play delivers the file once. It returns nil at its end and when the context ends.
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

// wait sleeps until t; false means that the context ended.
func (p *player) wait(t time.Time) bool {
	p.timer.Reset(time.Until(t))
	select {
	case <-p.ctx.Done():
		return false
	case <-p.timer.C:
		return true
	}
}
