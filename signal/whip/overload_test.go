package whip_test

import (
	"testing"

	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/viewing"
)

// TestOverload is sent to present viewers when an encoder is late, and to a new viewer.
func TestOverload(t *testing.T) {
	s := serve(t, setup{})
	s.newCaller(t).publish("/whip/yard/a", orange, 0)
	watching := s.listen(t, s.newCaller(t).view("/whep/yard").location)
	release := signaltest.Overload(t, s.registry, "yard")
	is := func(l *listener) func() bool {
		return func() bool {
			o := heard[viewing.Overload](t, l, "overload")
			return o.Type == "overload" && o.Level > 0
		}
	}
	await.Until(t, "a present viewer gets the level", is(watching))
	release() // the level stays for ten seconds
	late := s.listen(t, s.newCaller(t).view("/whep/yard").location)
	await.Until(t, "a new viewer gets the level", is(late))
}
