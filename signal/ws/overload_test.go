package ws_test

import (
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestOverload is sent to present clients when an encoder is late, and to a new client at its join.
func TestOverload(t *testing.T) {
	s := serve(t, setup{})
	p := mixertest.Video{Codec: mixer.H264, Width: 160, Height: 90, FPS: fps, Colour: codec.RGB(30, 200, 30), Moves: true}
	a, _ := s.publishPicture(t, "a", p)
	release := signaltest.Overload(t, s.registry, "yard")
	await.Until(t, "a present client gets the level", func() bool { return a.Status().Overload > 0 })
	release() // the level stays for ten seconds
	b := s.stranger(t)
	b.join("")
	if m, err := b.next(); err != nil || m["type"] != "overload" || m["level"] == 0.0 {
		t.Errorf("a new client gets %v, error %v; want the level of overload first", m, err)
	}
}
