package engine

import (
	"image"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestTheClockIsDrawn: the clock is drawn once a second, and stays on top of the tile below it.
func TestTheClockIsDrawn(t *testing.T) {
	cfg := small
	cfg.Clock = true
	m := start(t, cfg)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{NoLabels: true})
	awake(t, v, src)
	showFrame(t, src, 320, 180, red)
	_, alive := src.slot.status()
	begin := alive.Truncate(time.Second)
	corner := func(after time.Duration, changed bool) *codec.Frame {
		t.Helper()
		got, err := v.compose(begin.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		if got != changed {
			t.Errorf("after %v: changed is %v, want %v", after, got, changed)
		}
		part, err := v.canvas.Crop(image.Rect(190, 0, 320, 16))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(part.Close)
		return part
	}
	at := corner(0, true)
	if c := at.Mean(at.Bounds()); near(c, red) {
		t.Errorf("the corner is %v, the frame's", c)
	}
	if !at.Same(corner(500*time.Millisecond, false)) {
		t.Error("the clock changed within its second")
	}
	showFrame(t, src, 320, 180, green)
	if !at.Same(corner(700*time.Millisecond, true)) {
		t.Error("a new frame changed the clock within its second")
	}
	later := corner(time.Second, true)
	if at.Same(later) {
		t.Error("the clock is the same a second later")
	}
	if c := later.Mean(later.Bounds()); near(c, green) {
		t.Errorf("the corner is %v, the frame's", c)
	}
	if c := v.canvas.Mean(image.Rect(0, 0, 100, 180)); !near(c, green) {
		t.Errorf("beside the clock it is %v, want the frame", c)
	}
}
