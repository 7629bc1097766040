package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
)

// TestGateOpensAtAKeyframe: after a loss, a failure or a change of codec, only a keyframe opens the gate.
func TestGateOpensAtAKeyframe(t *testing.T) {
	h264, vp8 := mixer.Packet{Codec: mixer.H264}, mixer.Packet{Codec: mixer.VP8}
	with := func(p mixer.Packet, key, lost bool) mixer.Packet {
		p.Key, p.Lost = key, lost
		return p
	}
	g := keyframeGate{requests: keyframeRequests{send: func() {}}}
	for i, c := range []struct {
		p    mixer.Packet
		fail bool // before p
		want bool
	}{
		{p: h264, want: true},
		{p: with(h264, false, true)},
		{p: h264},
		{p: with(h264, true, false), want: true},
		{p: h264, want: true},
		{p: h264, fail: true},
		{p: with(h264, true, true), want: true},
		{p: vp8},
		{p: with(vp8, true, false), want: true},
	} {
		if c.fail {
			g.fail()
		}
		wasClosed := g.closed || c.p.Lost || c.p.Codec != mixer.H264
		if got := g.admit(&c.p, mixer.H264); got != c.want || g.closed == c.want {
			t.Errorf("packet %d: admitted %v, closed %v; want admitted %v", i, got, g.closed, c.want)
		}
		if c.want && c.p.Lost != wasClosed {
			t.Errorf("packet %d was admitted with Lost %v, and the gate was closed: %v", i, c.p.Lost, wasClosed)
		}
	}
}

func TestKeyframeRequestsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		r := keyframeRequests{send: func() { sent++ }}
		for range 35 { // at 0 s, 0.1 s, … 3.4 s
			r.request()
			time.Sleep(100 * time.Millisecond)
		}
		if sent != 4 {
			t.Errorf("%d requests were sent in 3.4 s, want 4", sent)
		}
	})
}
