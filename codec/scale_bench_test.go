package codec

import (
	"fmt"
	"testing"
)

// BenchmarkScaleSizes is what one tile costs: street-sized pictures shrunk as walls and spotlights show them.
func BenchmarkScaleSizes(b *testing.B) {
	for _, c := range []struct{ w, h, toW, toH int }{
		{1280, 720, 426, 240}, {1280, 720, 1024, 576}, {1280, 720, 256, 144}, {640, 360, 426, 240}, {640, 360, 1280, 720}, {1280, 720, 320, 180},
	} {
		b.Run(fmt.Sprintf("%dx%d-%dx%d", c.w, c.h, c.toW, c.toH), func(b *testing.B) {
			s, err := NewScaler()
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			src, dst := noisy(b, c.w, c.h), noisy(b, c.toW, c.toH)
			defer src.Close()
			defer dst.Close()
			for b.Loop() {
				if err := s.Scale(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func noisy(b *testing.B, w, h int) *Frame {
	b.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		b.Fatal(err)
	}
	seed := uint32(1)
	for _, p := range f.planes() {
		for i := range p.pix {
			seed = seed*1664525 + 1013904223
			p.pix[i] = byte(seed >> 24)
		}
	}
	return f
}
