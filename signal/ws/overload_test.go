package ws_test

import (
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// stuck is a sink that holds its encoder up until it is closed.
type stuck chan struct{}

func (s stuck) WritePacket(codec.Packet) { <-s }

// TestOverloadIsTold to who is there and to who comes, when an encoder is late.
func TestOverloadIsTold(t *testing.T) {
	s := serve(t, setup{})
	p := signaltest.Picture{ID: codec.H264, Width: 160, Height: 90, FPS: fps, Colour: codec.RGB(30, 200, 30), Moves: true}
	a, _ := s.publishPicture(t, "a", p)
	m, err := s.house.Join(t.Context(), "yard", room.Joining{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Leave()
	sink := make(stuck)
	sub, err := m.Mixer().Watch(mixer.Watching{Codec: codec.H264, View: &mixer.View{Width: 64, Height: 64}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	release := sync.OnceFunc(func() { close(sink) })
	defer release()
	await.Until(t, "who is there is told", func() bool { return a.Told().Overload > 0 })
	release() // the level stays for ten seconds
	b := s.stranger(t)
	b.join("")
	if m, err := b.next(); err != nil || m["type"] != "overload" || m["level"] == 0.0 {
		t.Errorf("who comes is told %v, error %v; want the level of overload first", m, err)
	}
}
