package ws_test

import (
	"sync/atomic"
	"testing"

	"azulejo/mixer"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestBitrateFollowsTheTile: the limit of a publisher's video (REMB) follows the size of its tile.
func TestBitrateFollowsTheTile(t *testing.T) {
	s := serve(t, setup{})
	var limit atomic.Int64 // bits a second; zero before the first REMB
	is := func(want int64) func() bool { return func() bool { return limit.Load() == want } }
	all := tenPictures()[:2]
	c := s.dial(t, client.Config{Name: "me", PublishVideo: all[0].Codec, OnLimit: func(rate int) { limit.Store(int64(rate)) }})
	signaltest.Play(t, all[0].Packets(t), c.SendVideo)
	s.view(t, mixer.H264)
	await.Until(t, "the limit is that of the whole canvas", is(576_000))
	s.publishPicture(t, "other", all[1])
	await.Until(t, "the limit is that of a tile of two", is(144_000))
}
