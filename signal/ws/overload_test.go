package ws_test

import (
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestOverloadIsTold to who is there and to who comes, when an encoder is late.
func TestOverloadIsTold(t *testing.T) {
	s := serve(t, setup{})
	p := signaltest.Picture{ID: mixer.H264, Width: 160, Height: 90, FPS: fps, Colour: codec.RGB(30, 200, 30), Moves: true}
	a, _ := s.publishPicture(t, "a", p)
	release := signaltest.Overload(t, s.registry, "yard")
	await.Until(t, "who is there is told", func() bool { return a.Status().Overload > 0 })
	release() // the level stays for ten seconds
	b := s.stranger(t)
	b.join("")
	if m, err := b.next(); err != nil || m["type"] != "overload" || m["level"] == 0.0 {
		t.Errorf("who comes is told %v, error %v; want the level of overload first", m, err)
	}
}
