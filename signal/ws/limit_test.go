package ws_test

import (
	"sync/atomic"
	"testing"

	"azulejo/mixer"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestLessIsAskedForSmallTiles: who sends a picture is told what is made of it.
func TestLessIsAskedForSmallTiles(t *testing.T) {
	s := serve(t, setup{})
	var limit atomic.Int64 // bits a second; zero before the server said
	is := func(want int64) func() bool { return func() bool { return limit.Load() == want } }
	all := tenPictures()[:2]
	c := s.dial(t, client.Config{Name: "me", PublishVideo: all[0].ID, OnLimit: func(rate int) { limit.Store(int64(rate)) }})
	signaltest.Play(t, all[0].Packets(t), c.SendVideo)
	s.view(t, mixer.H264)
	await.Until(t, "a whole mix is asked for", is(576_000))
	s.publishPicture(t, "other", all[1])
	await.Until(t, "a tile of two is asked for", is(144_000))
}
