package codec

import (
	"image"
	"math/rand/v2"
	"testing"
	"time"

	"azulejo/mixer"
)

// TestUnmarkedFieldsAreSeen encodes frames of a PAL camera as progressive, and decodes them.
func TestUnmarkedFieldsAreSeen(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		height int
		luma   func(n, x, y int) uint8 // the sample of frame n at x, y
		want   bool
	}{
		"interlaced":       {576, func(n, x, y int) uint8 { return bar(x, 8*n+4*(y%2)) }, true},
		"interlaced, NTSC": {480, func(n, x, y int) uint8 { return bar(x, 8*n+4*(1-y%2)) }, true},
		"progressive":      {576, func(n, x, _ int) uint8 { return bar(x, 8*n) }, false},
		"thin lines":       {576, func(n, _, y int) uint8 { return bar((y+n)%5, 1) }, false},
		"noise":            {576, func(_, _, _ int) uint8 { return uint8(100 + 20*noise.NormFloat64()) }, false},
		"height of HD":     {360, func(n, x, y int) uint8 { return bar(x, 8*n+4*(y%2)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e, err := NewVideoEncoder(VideoConfig{Codec: mixer.H264, Width: 176, Height: c.height, FPS: 25, Bitrate: 8_000_000, Preset: "ultrafast"})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			d := videoDecoder(t, mixer.H264)
			for n := range 2*examineEvery + 2 {
				f := paint(t, 176, c.height, func(x, y int) uint8 { return c.luma(n%10, x, y) })
				packets, err := e.Encode(f, time.Duration(n)*40*time.Millisecond, n == 0)
				f.Close()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range packets {
					frames, err := d.Decode(p)
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range frames {
						f.Close()
					}
				}
			}
			if got := d.fields.graph != nil; got != c.want {
				t.Errorf("deinterlaced: %v, want %v", got, c.want)
			}
		})
	}
}

// bar returns the sample at x of a bright bar of 40 pixels that begins at left.
func bar(x, left int) uint8 {
	if x >= left && x < left+40 {
		return 200
	}
	return 40
}

// paint returns a grey frame with the given luma.
func paint(t *testing.T, w, h int, luma func(x, y int) uint8) *Frame {
	t.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(image.Rect(0, 0, w, h), Colour{Y: 40, U: 128, V: 128})
	y := f.planes()[0]
	for i := range y.pix {
		if x := i % y.stride; x < w {
			y.pix[i] = luma(x, i/y.stride)
		}
	}
	return f
}

// BenchmarkCombed examines a frame of a PAL camera.
func BenchmarkCombed(b *testing.B) {
	f, err := NewFrame(704, 576)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	f.Fill(f.Bounds(), Colour{Y: 40, U: 128, V: 128})
	for b.Loop() {
		combedIn(f.planes()[0])
	}
}
