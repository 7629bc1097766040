package stomp

import (
	"testing"
	"time"

	"azulejo/signal/signaltest/await"
)

// TestLessIsAskedForSmallTiles: who sends a picture is told what is made of it, whether it offered or was called.
func TestLessIsAskedForSmallTiles(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 200 * time.Millisecond}})
	const alone, half = 144_000, 80_000 // bits a second for a whole mix and for a tile of two
	red, green := colours()[0], colours()[1]
	offers, _ := newCaller(t, &red)
	called, _ := newCaller(t, &green)
	limits := func(a, b int64) func() bool {
		return func() bool { return offers.limit.Load() == a && called.limit.Load() == b }
	}
	x := s.sockJS(t)
	x.connect()
	x.joins(offers, "a", "yard")
	await.Until(t, "the first one is asked for a whole mix", limits(alone, 0))
	other := s.sockJS(t)
	other.connect()
	other.subscribeAs("b", "yard")
	other.isCalled(s, called, "b")
	await.Until(t, "both are asked for a tile of two", limits(half, half))
	x.say("DISCONNECT", "")
	await.Until(t, "who is left is asked for a whole mix", func() bool { return called.limit.Load() == alone })
}
