package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// rare is the film of a camera that ignores requests for keyframes, and sends one every 8 s.
func rare(write func(mixer.Packet)) film {
	return film{write: write, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 160}
}

// passthroughHoldsTheLastFrame: after a loss, the last frame before it is shown until the next keyframe.
func passthroughHoldsTheLastFrame(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	var lose atomic.Bool
	var strange atomic.Int32
	rare(func(p mixer.Packet) {
		p.Lost = !p.Key && lose.Swap(false)
		src.WriteVideo(p)
	}).run(t)
	var started atomic.Bool
	v := attend(t, m, passthrough(mixer.H264, 66), func(_ *mixer.Layout, f *codec.Frame) {
		if is := near(f.Mean(middle), red); started.Load() && !is {
			strange.Add(1)
		}
	})
	eventually(t, 10*time.Second, "it is passed through", func() bool { return passedThrough(v)() && v.shows(middle, red) })
	started.Store(true)
	v.between(t, leastPatience+500*time.Millisecond) // until the frames from before passthrough are no longer used
	lose.Store(true)
	eventually(t, 3*time.Second, "it is composed", composed(v))
	v.between(t, 1500*time.Millisecond)
	if n := strange.Load(); n > 0 {
		t.Errorf("%d frames after the loss do not show the last one before it", n)
	}
}

// passthroughToALaterViewer: a second viewer sees video long before the next keyframe of the camera.
func passthroughToALaterViewer(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	rare(in.write).run(t)
	first := attend(t, m, passthrough(mixer.H264, 66), nil)
	eventually(t, 10*time.Second, "it is passed through", passedThrough(first))
	began := time.Now()
	second := attend(t, m, passthrough(mixer.H264, 66), nil)
	eventually(t, 5*time.Second, "the second sees it", func() bool { return second.shows(middle, red) })
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("the second one saw nothing for %v", d)
	}
	eventually(t, 10*time.Second, "it is passed through to both", func() bool { return passedThrough(first)() && passedThrough(second)() })
}

// noPassthroughOfLargerVideo: a subscription that names a size gets no larger video. One without gets the source's size.
func noPassthroughOfLargerVideo(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	film{write: in.write, id: mixer.H264, w: 640, h: 360, colour: red, blinking: true, gop: 10}.run(t)
	sized := passthrough(mixer.H264, 66)
	sized.Rung = "180p"
	canvas := passthrough(mixer.H264, 66)
	canvas.View.Width, canvas.View.Height = 160, 90
	open := attend(t, m, passthrough(mixer.H264, 66), nil)
	eventually(t, 5*time.Second, "it is passed through", passedThrough(open))
	if r := open.sub.Rendition(); r.Width != 640 || r.Height != 360 {
		t.Errorf("passthrough is announced as %dx%d, want 640x360", r.Width, r.Height)
	}
	for want, w := range map[mixer.Size]mixer.Watching{{W: 320, H: 180}: sized, {W: 160, H: 90}: canvas} {
		v := attend(t, m, w, nil)
		eventually(t, 5*time.Second, "frames come", func() bool { return v.count() > 20 })
		if r := v.sub.Rendition(); r.Passed || r.Width != want.W || r.Height != want.H {
			t.Errorf("a subscription to %v gets %dx%d, passed through: %v", want, r.Width, r.Height, r.Passed)
		}
	}
}
