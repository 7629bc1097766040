package whip_test

import (
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/viewing"
)

// stuck is a sink that holds its encoder up until it is closed.
type stuck chan struct{}

func (s stuck) WritePacket(codec.Packet) { <-s }

// TestOverloadIsTold to who watches and to who comes, when an encoder is late.
func TestOverloadIsTold(t *testing.T) {
	s := serve(t, setup{})
	s.newCaller(t).publish("/whip/yard/a", orange, 0)
	watching := s.listen(t, s.newCaller(t).view("/whep/yard").location)
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
	is := func(l *listener) func() bool {
		return func() bool {
			o := heard[viewing.Overload](t, l, "overload")
			return o.Type == "overload" && o.Level > 0
		}
	}
	await.Until(t, "who watches is told", is(watching))
	release() // the level stays for ten seconds
	late := s.listen(t, s.newCaller(t).view("/whep/yard").location)
	await.Until(t, "who comes is told", is(late))
}
