package camera

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/mixertest"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

// discard is a sink that drops all packets.
type discard struct{}

func (discard) WritePacket(hub.Packet) {}

// TestARoomPullsWhatItShows: in a real room, the size of its tile decides which stream of a camera is pulled.
func TestARoomPullsWhatItShows(t *testing.T) {
	before := codec.LiveFrames()
	log := slog.New(slog.DiscardHandler)
	registry, err := room.NewRegistry(room.Config{Engine: mixertest.Start, Mixer: mixer.Config{Width: 640, Height: 360, FPS: 10}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	go func() { _ = registry.Run(ctx); ended <- struct{}{} }() // it always returns nil
	c := New(Config{Room: "yard", Name: "Gate", URL: "test:?w=640&h=360&fps=10", SubURL: "test:?w=320&h=180&fps=10", Audio: AudioTrue}, registry, log)
	go func() { _ = c.Run(ctx); ended <- struct{}{} }() // it always returns nil
	<-c.Tried()
	member, err := registry.Join(ctx, "yard", room.Joining{Name: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	shows := func(size string) func() bool {
		return func() bool {
			s := mixertest.Stats(t, member.Hub()).Sources[0]
			return s.State == mixer.Live && s.Decoded && fmt.Sprintf("%dx%d", s.Width, s.Height) == size
		}
	}
	small := &mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{X: 0, Y: 0, W: 0.5, H: 0.5}}}
	sub, err := member.Hub().Watch(ctx, mixer.Watching{Codec: mixer.H264, View: small, Keep: true}, discard{})
	if err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the sub-stream in a small tile", shows("320x180"))
	if err := sub.Change(ctx, mixer.Watching{}); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the main stream in a large tile", shows("640x360"))
	if err := sub.Change(ctx, mixer.Watching{View: small}); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the sub-stream again", shows("320x180"))
	sub.Close()
	member.Leave()
	cancel()
	<-ended
	<-ended
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d frames were not closed", n)
	}
}
