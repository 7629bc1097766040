package signaltest

import (
	"sync"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/room"
)

// blockingSink is a sink whose WritePacket blocks until the channel is closed. It blocks the encoder of its rendition.
type blockingSink chan struct{}

// WritePacket implements hub.Sink.
func (s blockingSink) WritePacket(hub.Packet) { <-s }

// Overload overloads a room by blocking one of its encoders, until release is called or the test ends. The room keeps its
// level of overload for ten more seconds after that. The room's name is name.
func Overload(t testing.TB, registry *room.Registry, name string) (release func()) {
	t.Helper()
	m, err := registry.Join(t.Context(), name, room.Joining{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Leave)
	sink := make(blockingSink)
	sub, err := m.Hub().Watch(t.Context(), mixer.Watching{Codec: mixer.H264, View: &mixer.View{Width: 64, Height: 64}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	release = sync.OnceFunc(func() { close(sink) })
	t.Cleanup(release)
	return release
}
