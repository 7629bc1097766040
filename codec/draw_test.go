package codec

import (
	"errors"
	"image"
	"testing"

	"azulejo/mixer"
)

func TestDraw(t *testing.T) {
	noLeak(t)
	f, err := NewFrame(64, 32)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	blue, white := RGB(0, 71, 171), RGB(255, 255, 255)
	f.Fill(image.Rect(-10, -10, 100, 100), blue)
	if got := f.Mean(f.Bounds()); got != blue {
		t.Errorf("filled with %v, got %v", blue, got)
	}
	mask := image.NewAlpha(image.Rect(0, 0, 8, 8))
	for i := range mask.Pix {
		mask.Pix[i] = 255
	}
	f.Blend(mask, 60, 28, white)
	f.Blend(mask, 10, 10, white)
	if got := f.Mean(image.Rect(10, 10, 18, 18)); got != white {
		t.Errorf("blended %v, got %v", white, got)
	}
	if got := f.Mean(image.Rect(20, 0, 58, 32)); got != blue {
		t.Errorf("blending spilled: %v", got)
	}
	g := f.Ref()
	defer g.Close()
	if err := f.MakeWritable(); err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), white)
	if got := g.Mean(image.Rect(20, 0, 58, 32)); got != blue {
		t.Errorf("another owner's pixels changed to %v", got)
	}
	f.Paste(g, -32, 0)
	f.Paste(g, 48, 16)
	if got := f.Mean(image.Rect(0, 0, 32, 32)); near(got, white, 1) {
		t.Error("nothing was pasted")
	}
	if got := f.Mean(image.Rect(34, 2, 46, 30)); got != white {
		t.Errorf("pasting spilled: %v", got)
	}
}

func TestScaleAveragesAndRejectsClosed(t *testing.T) {
	noLeak(t)
	src, dst := colourBars(t, 1280, 720, 0), colourBars(t, 426, 240, 1)
	defer src.Close()
	defer dst.Close()
	s, err := NewScaler()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Scale(dst, src); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		a := src.Mean(image.Rect(i*320+20, 20, i*320+300, 700))
		b := dst.Mean(image.Rect(i*106+10, 10, i*106+90, 230))
		if !near(a, b, 1) {
			t.Errorf("bar %d is %v, want %v", i, b, a)
		}
	}
	s.Close()
	s.Close()
	if err := s.Scale(dst, src); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("scale after close gave %v", err)
	}
}

// BenchmarkBlend draws a name as large as those on the tiles of a 3x3 wall.
func BenchmarkBlend(b *testing.B) {
	f, err := NewFrame(426, 240)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	mask := image.NewAlpha(image.Rect(0, 0, 90, 22))
	for i := range mask.Pix {
		mask.Pix[i] = uint8(i)
	}
	for b.Loop() {
		f.Blend(mask, 6, 212, RGB(255, 255, 255))
	}
}

func BenchmarkScale(b *testing.B) {
	src, err := NewFrame(1280, 720)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	dst, err := NewFrame(426, 240)
	if err != nil {
		b.Fatal(err)
	}
	defer dst.Close()
	s, err := NewScaler()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if err := s.Scale(dst, src); err != nil {
			b.Fatal(err)
		}
	}
}
