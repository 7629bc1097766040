package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// rare is a film of a camera that nobody can ask for key pictures: one comes every eight seconds.
func rare(put func(mixer.Packet)) film {
	return film{put: put, id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 160}
}

// passingHoldsTheLastPicture after a loss that only the next key picture makes good.
func passingHoldsTheLastPicture(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	var lose atomic.Bool
	var strange atomic.Int32
	rare(func(p mixer.Packet) {
		p.Lost = !p.Key && lose.Swap(false)
		src.PutVideo(p)
	}).run(t)
	var begun atomic.Bool
	v := attend(t, m, passing(mixer.H264, 66), func(_ *mixer.Layout, f *codec.Frame) {
		if is := near(f.Mean(middle), red); begun.Load() && !is {
			strange.Add(1)
		}
	})
	eventually(t, 10*time.Second, "it is passed on", func() bool { return passed(v)() && v.shows(middle, red) })
	begun.Store(true)
	v.between(t, lostAfter+500*time.Millisecond) // after that nothing older than the loss is left
	lose.Store(true)
	eventually(t, 3*time.Second, "it is composed", composed(v))
	v.between(t, 1500*time.Millisecond)
	if n := strange.Load(); n > 0 {
		t.Errorf("%d pictures after the loss do not show the last one before it", n)
	}
}

// passingToWhoComesLater: the camera brings its next key picture long after somebody else has come.
func passingToWhoComesLater(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	rare(in.put).run(t)
	first := attend(t, m, passing(mixer.H264, 66), nil)
	eventually(t, 10*time.Second, "it is passed on", passed(first))
	began := time.Now()
	second := attend(t, m, passing(mixer.H264, 66), nil)
	eventually(t, 5*time.Second, "the second sees it", func() bool { return second.shows(middle, red) })
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("the second one saw nothing for %v", d)
	}
	eventually(t, 10*time.Second, "it is passed on to both", func() bool { return passed(first)() && passed(second)() })
}

// notPassedLarger to who asks for a size; who leaves it open gets the source's own.
func notPassedLarger(t *testing.T) {
	m := run(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	in := &tape{src: src}
	film{put: in.put, id: mixer.H264, w: 640, h: 360, colour: red, blinking: true, gop: 10}.run(t)
	sized := passing(mixer.H264, 66)
	sized.Rung = "180p"
	canvas := passing(mixer.H264, 66)
	canvas.View.Width, canvas.View.Height = 160, 90
	open := attend(t, m, passing(mixer.H264, 66), nil)
	eventually(t, 5*time.Second, "it is passed on", passed(open))
	if r := open.sub.Rendition(); r.Width != 640 || r.Height != 360 {
		t.Errorf("what is passed on is said to be %dx%d, want 640x360", r.Width, r.Height)
	}
	for want, w := range map[mixer.Size]mixer.Watching{{W: 320, H: 180}: sized, {W: 160, H: 90}: canvas} {
		v := attend(t, m, w, nil)
		eventually(t, 5*time.Second, "pictures come", func() bool { return v.count() > 20 })
		if r := v.sub.Rendition(); r.Passed || r.Width != want.W || r.Height != want.H {
			t.Errorf("who asks for %v gets %dx%d, passed on: %v", want, r.Width, r.Height, r.Passed)
		}
	}
}
