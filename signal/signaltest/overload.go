package signaltest

import (
	"sync"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/room"
)

// stuck is a sink that blocks its encoder until the channel is closed.
type stuck chan struct{}

// WritePacket blocks until the channel is closed.
func (s stuck) WritePacket(hub.Packet) { <-s }

// Overload blocks an encoder of a room until release is called or the test ends. Afterwards the room keeps its level of
// overload for ten seconds more.
func Overload(t testing.TB, registry *room.Registry, name string) (release func()) {
	t.Helper()
	m, err := registry.Join(t.Context(), name, room.Joining{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Leave)
	sink := make(stuck)
	sub, err := m.Hub().Watch(t.Context(), mixer.Watching{Codec: mixer.H264, View: &mixer.View{Width: 64, Height: 64}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	release = sync.OnceFunc(func() { close(sink) })
	t.Cleanup(release)
	return release
}
