package ws_test

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// complain sends a receiver report with this loss ten times a second, until the result is called, which waits.
func complain(t *testing.T, pc *webrtc.PeerConnection, lost uint8) (stop func()) {
	t.Helper()
	quit := make(chan struct{})
	var complaining sync.WaitGroup
	complaining.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		r := rtcp.ReceptionReport{SSRC: uint32(pc.GetReceivers()[0].Track().SSRC()), FractionLost: lost}
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
			r.LastSequenceNumber += 100
			_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{r}}})
		}
	})
	stop = sync.OnceFunc(func() {
		close(quit)
		complaining.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// TestAutoRung: a client gets the rendition when its network changes the rung; the rung stays in another view, and gives
// way to one that the client selects.
func TestAutoRung(t *testing.T) {
	s := serve(t, setup{})
	x := s.stranger(t)
	x.say(`{"type":"join","room":"yard","rung":"auto"}`)
	x.hear("joined")
	pc := x.connect(webrtc.RTPTransceiverDirectionRecvonly)
	x.wantSize(width, height)
	stop := complain(t, pc, 128)
	x.wantSize(320, 180)
	stop()
	x.say(`{"type":"view","layout":"pip"}`)
	x.wantSize(320, 180)
	x.say(`{"type":"view","rung":"360p"}`)
	x.wantSize(width, height)
	complain(t, pc, 128)
	x.say(`{"type":"view","layout":"grid"}`)
	x.wantSize(width, height)
	x.say(`{"type":"view","rung":"auto"}`) // the present rendition may come first
	for m := x.hear("rendition"); m["h"] != float64(180); m = x.hear("rendition") {
		if m["h"] != float64(height) {
			t.Fatalf("told of %v", m)
		}
	}
}
