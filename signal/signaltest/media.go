package signaltest

import (
	"context"
	"image"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/client"
)

// Picture is what a publisher of one colour sends.
type Picture struct {
	ID            mixer.Codec
	Width, Height int
	FPS           int
	Colour        codec.Colour
	Moves         bool // something does, along the top: the mix of a picture that stands still is sent once a second
}

// Packets are one second of it, beginning with a key picture.
func (p Picture) Packets(t testing.TB) []mixer.Packet {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: p.ID, Width: p.Width, Height: p.Height, FPS: p.FPS, Bitrate: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(p.Width, p.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []mixer.Packet
	for i := range p.FPS {
		f.Fill(f.Bounds(), p.Colour)
		if p.Moves {
			f.Fill(image.Rect(i*16, 0, i*16+16, 16), codec.RGB(255, 255, 255))
		}
		out, err := e.Encode(f, time.Duration(i)*time.Second/time.Duration(p.FPS), i == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out...)
	}
	return all
}

// Tone is one second of Opus; hz is a whole number, so that seconds join without a click.
func Tone(t testing.TB, hz float64) []mixer.Packet {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pcm := make([]int16, mixer.SampleRate*mixer.Channels)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i/mixer.Channels)/mixer.SampleRate))
	}
	all, err := e.Encode(pcm, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Play sends a second of packets again and again until the test ends or the result is called, which waits.
func Play(t testing.TB, packets []mixer.Packet, put func(mixer.Packet) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Play(ctx, client.Loop(packets, time.Second), put) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
			t.Errorf("play: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
