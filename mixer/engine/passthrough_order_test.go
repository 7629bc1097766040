package engine

import (
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestNothingIsPassedOnBeforeTheLayout: the first packet may come while the first tick is not over.
func TestNothingIsPassedOnBeforeTheLayout(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, alone)
	awake(t, v, src)
	putFrame(t, src, 160, 90, red)
	if v.passable() != nil {
		t.Error("a source is passed on, and there is no layout to tell")
	}
	v.updateLayout(time.Now())
	if v.passable() != src.source {
		t.Error("the source is not passed on")
	}
}

// TestNothingIsComposedWhilePassing: a canvas may wait for the encoder when the server's side begins to pass packets
// through. The first frame after that is a keyframe.
func TestNothingIsComposedWhilePassing(t *testing.T) {
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
	r, err := newVideoRendition(m.Engine, videoKey{id: mixer.H264, size: mixer.Size{W: 320, H: 180}, profile: 66}, v)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	show := func(at time.Duration) {
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
	show(time.Second)
	show(time.Second + 50*time.Millisecond)
	r.passthrough.set(1, true)
	show(time.Second + 100*time.Millisecond)
	r.passthrough.set(0, false) // of an offer that was withdrawn
	show(time.Second + 150*time.Millisecond)
	if len(sent) != 2 {
		t.Fatalf("%d packets, want the 2 before packets were passed through", len(sent))
	}
	r.passthrough.set(1, false)
	show(time.Second + 200*time.Millisecond)
	if len(sent) != 3 || !sent[2].Key {
		t.Errorf("%d packets, want a keyframe as the third", len(sent))
	}
}
