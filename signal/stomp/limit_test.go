package stomp

import (
	"testing"
	"time"

	"azulejo/signal/signaltest/await"
)

// TestBitrateFollowsTheTile: the limit of a publisher's video (REMB) follows the size of its tile, for a client that offers
// and for one that answers.
func TestBitrateFollowsTheTile(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 200 * time.Millisecond}})
	const alone, half = 144_000, 80_000 // bits a second for the whole canvas and for a tile of two
	red, green := colours()[0], colours()[1]
	offers, _ := newCaller(t, &red)
	called, _ := newCaller(t, &green)
	limits := func(a, b int64) func() bool {
		return func() bool { return offers.limit.Load() == a && called.limit.Load() == b }
	}
	x := s.sockJS(t)
	x.connect()
	x.joins(offers, "a", "yard")
	await.Until(t, "the limit of the first is that of the whole canvas", limits(alone, 0))
	other := s.sockJS(t)
	other.connect()
	other.subscribeAs("b", "yard")
	other.isCalled(s, called, "b")
	await.Until(t, "both limits are those of a tile of two", limits(half, half))
	x.say("DISCONNECT", "")
	await.Until(t, "the limit of the remaining one is that of the whole canvas", func() bool { return called.limit.Load() == alone })
}
