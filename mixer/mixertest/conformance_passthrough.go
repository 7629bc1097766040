package mixertest

import (
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// onlyA returns a view that shows the source "a" alone, and that allows passthrough.
func onlyA() *mixer.View {
	return &mixer.View{Layout: mixer.KindFocus, Spotlight: "a", NoLabels: true}
}

// passthrough tests passthrough of H.264.
func passthrough(t *testing.T, start hub.Start) {
	passes(t, start, mixer.H264, mixer.Watching{View: onlyA(), Codec: mixer.H264, Profile: 66})
}

// passthroughOfVP8 tests passthrough of VP8 to a viewer that decodes both codecs. The encoder of the rendition makes H.264.
func passthroughOfVP8(t *testing.T, start hub.Start) {
	passes(t, start, mixer.VP8, mixer.Watching{View: onlyA(), Codec: mixer.H264, Also: mixer.VP8, Profile: 66})
}

// passes tests passthrough of a source with codec id to a viewer that watches w. Muting the source ends passthrough, and unmuting
// starts it again. The viewer decodes the source's packets and the encoder's packets as one stream.
func passes(t *testing.T, start hub.Start, id mixer.Codec, w mixer.Watching) {
	r := run(t, start, smallConfig())
	src := addNamed(r, "a")
	size := mixer.Size{W: 128, H: 72}
	cam := film(t, func(p mixer.Packet) { src.WriteVideo(0, p) }, id, size, red, 10)
	v := watch(r, w)
	passed := func() bool { return v.sub.Rendition().Passed }
	composed := func() bool { return !passed() }
	for range 2 {
		await(t, "it is passed through", passed)
		await(t, "nothing is decoded", func() bool { return !Source(t, r.Hub, src.ID()).Decoded })
		n := v.count()
		await(t, "packets come", func() bool { return v.count() > n+12 })
		for _, p := range v.since(n + 1)[:11] {
			if !cam.hasSent(p) || p.Codec != id {
				t.Fatalf("a packet of %s at %v is not one of the source", p.Codec, p.PTS)
			}
		}
		got := v.sub.Rendition()
		if got.Codec != id || got.Width != size.W || got.Height != size.H || v.size() != size {
			t.Errorf("the rendition is %+v, frames are of %v", got, v.size())
		}
		if st := Stats(t, r.Hub).Renditions; len(st) != 1 || !st[0].Passed || st[0].Sinks != 1 {
			t.Errorf("the renditions are %+v", st)
		}
		src.SetMuted(false, true)
		await(t, "it is composed", func() bool {
			return composed() && v.size() == whole() && !v.shows(middle, red) && v.states()[0] == mixer.Muted
		})
		src.SetMuted(false, false)
	}
	v.sub.Close()
	v.checkSwitches(cam)
}

// checkSwitches fails the test if the stream changes between the packets of cam and those of the encoder anywhere but at a
// keyframe.
func (v *viewer) checkSwitches(cam *camera) {
	packets := v.since(0)
	for i, p := range packets[1:] {
		if cam.hasSent(p) != cam.hasSent(packets[i]) && !p.Key {
			v.t.Errorf("packet %d is no keyframe; of the source: %v, the one before: %v", i+1, cam.hasSent(p), cam.hasSent(packets[i]))
		}
	}
}
