package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// fileFeed plays a media file in real time, again from its beginning at its end. Packets go out in
// decoding order at the pace of their decoding times, without being decoded here.
type fileFeed string

func (f fileFeed) run(ctx context.Context, out sink, _ <-chan struct{}) error {
	p := player{ctx: ctx, out: out, timer: time.NewTimer(0)}
	defer p.timer.Stop()
	for {
		if err := p.play(string(f)); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// player keeps the time over many rounds of a file.
type player struct {
	ctx   context.Context
	out   sink
	timer *time.Timer
	sound *soundTrack
}

// play delivers the file once. It returns nil at its end and when the context ends.
func (p *player) play(name string) error {
	file, err := codec.OpenFile(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, sound := file.Codecs()
	if p.sound, err = newSoundTrack(sound, file.AudioExtra()); err != nil {
		return err
	}
	defer p.sound.close()
	begin, n := time.Now(), 0
	for {
		packet, err := file.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			p.wait(begin.Add(file.Duration()))
			return nil
		}
		if err != nil {
			return fmt.Errorf("play %s: %w", name, err)
		}
		n++
		if !p.wait(begin.Add(packet.DTS)) {
			return nil
		}
		if err := p.deliver(packet); err != nil {
			return fmt.Errorf("play %s: %w", name, err)
		}
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

func (p *player) deliver(packet mixer.Packet) error {
	if packet.Codec.IsVideo() {
		p.out.PutVideo(packet)
		return nil
	}
	packets, err := p.sound.take(packet)
	for _, s := range packets {
		p.out.PutAudio(s)
	}
	return err
}
