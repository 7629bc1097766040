package engine

import (
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestNoPassthroughBeforeTheLayout: nothing is offered before the first tick has made a layout.
func TestNoPassthroughBeforeTheLayout(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, alone)
	awake(t, v, src)
	showFrame(t, src, 160, 90, red)
	if v.passable() != nil {
		t.Error("a source is passed through before the first layout")
	}
	v.updateLayout(time.Now())
	if v.passable() != src.source {
		t.Error("the source is not passed through")
	}
}

// TestNothingIsEncodedDuringPassthrough: a canvas that waits for the encoder when passthrough starts is dropped. The first
// frame after passthrough is a keyframe.
func TestNothingIsEncodedDuringPassthrough(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	var sent []mixer.Packet
	m.emit = func(e mixer.Event) {
		if d, ok := e.(mixer.Delivery); ok {
			sent = append(sent, d.Packets...)
		}
	}
	v := stage(t, m, alone)
	v.holders = 2
	r, err := newVideoRendition(m.Engine, videoKey{codec: mixer.H264, size: mixer.Size{W: 320, H: 180}, profile: 66}, v)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	process := func(at time.Duration) {
		t.Helper()
		f, err := codec.NewFrame(320, 180)
		if err != nil {
			t.Fatal(err)
		}
		f.PTS = at
		if err := r.process(canvasFrame{frame: f}); err != nil {
			t.Fatal(err)
		}
	}
	r.passthrough.offer(src.source, nil)
	process(time.Second)
	process(time.Second + 50*time.Millisecond)
	r.passthrough.set(1, true)
	process(time.Second + 100*time.Millisecond)
	r.passthrough.set(0, false) // for an older offer
	process(time.Second + 150*time.Millisecond)
	if len(sent) != 2 {
		t.Fatalf("%d packets, want the 2 before packets were passed through", len(sent))
	}
	r.passthrough.set(1, false)
	process(time.Second + 200*time.Millisecond)
	if len(sent) != 3 || !sent[2].Key {
		t.Errorf("%d packets, want a keyframe as the third", len(sent))
	}
}
