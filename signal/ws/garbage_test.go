package ws_test

import (
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestGarbageRTP: a publisher of noise is shown as a placeholder, other participants are not disturbed, and good video after
// the noise is shown.
func TestGarbageRTP(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.VP8} {
		t.Run(string(id), func(t *testing.T) {
			s := serve(t, setup{})
			w := s.witness(t)
			p := mixertest.Video{Codec: id, Width: 160, Height: 120, FPS: 10, Colour: codec.RGB(40, 210, 210)}
			both := []mixertest.Video{w.picture, p}
			c := s.dial(t, client.Config{Name: "noise", PublishVideo: id})
			makeNoise(t, c)
			await.Until(t, "the mix shows both places", func() bool { return w.tv.Shows(0, 2, w.picture) })
			if w.tv.Shows(1, 2, p) {
				t.Error("noise is shown as a picture")
			}
			// Packets that came before the first viewer are decoded, and found to be noise, only then.
			await.Until(t, "noise is not said to be live", func() bool { _, live := s.age("noise"); return !live })
			w.undisturbed()
			signaltest.Play(t, p.Packets(t), c.SendVideo)
			await.Until(t, "good pictures are shown after noise", func() bool { return w.tv.ShowsAll(both...) })
			w.undisturbed()
		})
	}
}

// makeNoise sends packets of random content, sizes and times, with gaps and repetitions, some of them with the
// beginnings of real ones.
func makeNoise(t *testing.T, c *client.Client) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	beginnings := [][]byte{nil, {0x10}, {0x7c, 0x85}, {0x7c, 0x45}, {0x78, 0xff, 0xff}, {0x65}, {0x67}, {0x90, 0x80, 0x80}}
	for i := range 3000 {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: random.IntN(3) == 0, Timestamp: uint32(i) * 3000}}
		if random.IntN(4) == 0 {
			p.SequenceNumber, p.Timestamp = uint16(random.IntN(8)-3), random.Uint32()
		}
		p.Payload = append([]byte{}, beginnings[random.IntN(len(beginnings))]...)
		for range random.IntN(1000) {
			p.Payload = append(p.Payload, byte(random.Uint32()))
		}
		if err := c.SendRTP(p); err != nil {
			t.Fatalf("send noise: %v", err)
		}
	}
}
