package ws_test

import (
	"image"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestSharedScreensKeepTheirEdges in a view that crops other video to its tiles.
func TestSharedScreensKeepTheirEdges(t *testing.T) {
	s := serve(t, setup{})
	p := mixertest.Video{Codec: mixer.H264, Width: 240, Height: 240, FPS: 5, Colour: codec.RGB(220, 30, 30)}
	a := s.dial(t, client.Config{Name: "a", PublishVideo: p.Codec})
	stop := signaltest.Play(t, p.Packets(t), a.SendVideo)
	if err := s.registry.SetView("yard", "full", mixer.View{Fill: true, NoLabels: true}); err != nil {
		t.Fatal(err)
	}
	tv := newScreen(t)
	viewer := s.dial(t, client.Config{View: true, Select: client.Selection{View: "full"}, OnVideo: tv.Decode})
	alone := func(name string, edges bool) func() bool {
		middle := func(all image.Rectangle) image.Rectangle { return all.Inset(all.Dy() / 3) }
		side := func(all image.Rectangle) image.Rectangle { return image.Rect(0, 0, all.Dx()/8, all.Dy()) }
		return func() bool {
			m, _ := tv.Mean(middle)
			at, _ := tv.Mean(side)
			l := viewer.Status().Layout
			return len(l.Tiles) == 1 && l.Tiles[0].Name == name &&
				mixertest.Near(m, p.Colour, tolerance) && mixertest.Near(at, p.Colour, tolerance) != edges
		}
	}
	await.Until(t, "a camera fills the view", alone("a", false))
	stop()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b := s.dial(t, client.Config{Name: "b", PublishVideo: p.Codec, Screen: true})
	signaltest.Play(t, p.Packets(t), b.SendVideo)
	await.Until(t, "a screen has bars beside it", alone("b", true))
}
