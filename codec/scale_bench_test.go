package codec

import (
	"fmt"
	"testing"
)

// BenchmarkScaleSizes measures the scaling of one tile, in sizes that walls and spotlights have.
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
			src := pattern(b, c.w, c.h, 1)
			defer src.Close()
			for b.Loop() {
				dst, err := s.Cut(src, Cutout{Width: c.toW, Height: c.toH})
				if err != nil {
					b.Fatal(err)
				}
				dst.Close()
			}
		})
	}
}
