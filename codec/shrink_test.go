package codec

import (
	"fmt"
	"image"
	"testing"

	"github.com/asticode/go-astiav"
)

// gradient is a picture that rises evenly from left to right and from top to bottom, so that every sample tells where
// it comes from.
func gradient(t *testing.T, w, h int) *Frame {
	t.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.planes() {
		for y := range p.height {
			for x := range p.width {
				p.pix[y*p.stride+x] = byte(16 + 100*x/p.width + 100*y/p.height)
			}
		}
	}
	return f
}

// TestShrink: sizes as they come out, and every sample from where it belongs, within rounding.
func TestShrink(t *testing.T) {
	noLeak(t)
	for _, c := range []struct {
		w, h, toW, toH int
		want           image.Point
	}{
		{1280, 720, 426, 240, image.Pt(426, 240)},
		{1280, 720, 640, 360, image.Pt(640, 360)},
		{1280, 720, 320, 180, image.Pt(320, 180)},
		{1280, 720, 213, 120, image.Pt(320, 180)}, // 212 would be smaller
		{1280, 720, 212, 120, image.Pt(212, 120)},
		{1280, 720, 256, 144, image.Pt(320, 180)},
		{1920, 1080, 426, 240, image.Pt(480, 270)},
		{854, 480, 426, 240, image.Pt(426, 240)},
		{722, 482, 240, 160, image.Pt(240, 160)},
		{1280, 720, 641, 360, image.Pt(852, 480)},
		{1280, 720, 853, 480, image.Pt(1280, 720)},
		{1280, 720, 426, 241, image.Pt(640, 360)},
		{1280, 720, 0, 0, image.Pt(1280, 720)},
		{640, 360, 426, 240, image.Pt(426, 240)},
		{1280, 720, 852, 480, image.Pt(852, 480)},
		{962, 542, 640, 360, image.Pt(640, 360)},
		{1276, 716, 424, 238, image.Pt(424, 238)},
		{1280, 720, 280, 156, image.Pt(320, 180)},
		{320, 180, 640, 360, image.Pt(320, 180)},
		{4096, 2304, 16, 16, image.Pt(32, 18)},
		{16, 16, 2, 2, image.Pt(2, 2)},
	} {
		t.Run(fmt.Sprintf("%dx%d-%dx%d", c.w, c.h, c.toW, c.toH), func(t *testing.T) {
			src := gradient(t, c.w, c.h)
			defer src.Close()
			src.PTS = 7
			var s Shrinker
			defer s.Close()
			got, err := s.Shrink(src, c.toW, c.toH)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if size := image.Pt(got.Width(), got.Height()); size != c.want || got.PTS != 7 {
				t.Fatalf("%v at %v, want %v", size, got.PTS, c.want)
			}
			wanted := gradient(t, c.want.X, c.want.Y)
			defer wanted.Close()
			a, b := got.planes(), wanted.planes()
			for i := range a {
				slope := 100/a[i].width + 100/a[i].height + 3 // of a sample, and rounding
				for y := range a[i].height {
					for x := range a[i].width {
						if d := int(a[i].pix[y*a[i].stride+x]) - int(b[i].pix[y*b[i].stride+x]); d < -slope || d > slope {
							t.Fatalf("plane %d at %d,%d is off by %d", i, x, y, d)
						}
					}
				}
			}
		})
	}
}

// TestOnlyPlainPicturesAreShrunk: full range has to be converted first.
func TestOnlyPlainPicturesAreShrunk(t *testing.T) {
	noLeak(t)
	src := gradient(t, 640, 360)
	src.f.SetColorRange(astiav.ColorRangeJpeg)
	defer src.Close()
	var s Shrinker
	defer s.Close()
	got, err := s.Shrink(src, 160, 90)
	if err != nil || got.Width() != 640 {
		t.Errorf("%v wide, %v; want the picture as it is", got.Width(), err)
	}
	got.Close()
	src.Close()
	if _, err := s.Shrink(src, 160, 90); err == nil {
		t.Error("a closed picture was shrunk")
	}
}

// TestWidePicturesAreNotShrunk: decoders make pictures that are wider than a row of ours, if they are low.
func TestWidePicturesAreNotShrunk(t *testing.T) {
	for _, c := range []struct {
		width, toW int
		twice      int
	}{{16384, 8000, 4}, {16386, 8000, 0}, {20000, 12000, 0}} {
		if twice := shrinkFactor(c.width, 400, c.toW, 200); twice != c.twice {
			t.Errorf("a width of %d is shrunk by half of %d, want %d", c.width, twice, c.twice)
		}
	}
}

// TestShrinkingWhileDecoding: what comes half done is what would have been made afterwards, of streams of every kind,
// and wherever the guess is wrong nothing is.
func TestShrinkingWhileDecoding(t *testing.T) {
	for name, c := range map[string]struct {
		size    string
		options []string
		least   int // pictures of 40 that come half done
	}{
		"plain":          {"1280x720", []string{"-bf", "0"}, 39},
		"no loop filter": {"1280x720", []string{"-bf", "0", "-x264-params", "no-deblock=1"}, 39},
		"slices":         {"1280x720", []string{"-bf", "0", "-x264-params", "slices=5"}, 39},
		"cropped":        {"1278x718", []string{"-bf", "0"}, 39},
		"1080":           {"1920x1080", []string{"-bf", "0"}, 39},
		"B-frames":       {"1280x720", []string{"-bf", "2"}, 0},
		"fields":         {"1280x720", []string{"-bf", "0", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1"}, 0},
		"full range":     {"1280x720", []string{"-bf", "0", "-color_range", "pc"}, 0},
		"4:2:2":          {"1280x720", []string{"-bf", "0", "-pix_fmt", "yuv422p"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			half := 0
			var s Shrinker
			defer s.Close()
			for i, f := range expected(t, c.size, c.options) {
				if f.small != nil {
					half++
					w, h := neededOf(i)
					again, err := s.Shrink(withoutSmall(f), w, h)
					if err != nil {
						t.Fatal(err)
					}
					done, err := s.Shrink(f, w, h)
					if err != nil {
						t.Fatal(err)
					}
					if !done.Same(again) || done.PTS != f.PTS {
						t.Errorf("picture %v differs from one that is shrunk afterwards", f.PTS)
					}
					done.Close()
					again.Close()
				}
				f.Close()
			}
			if half < c.least {
				t.Errorf("%d pictures came half done, want %d", half, c.least)
			}
		})
	}
}

// neededOf is the size to which the i-th picture is shrunk: by two, by three, and by one and a half.
func neededOf(i int) (w, h int) {
	sizes := [][2]int{{320, 180}, {424, 238}, {850, 476}}
	return sizes[i%3][0], sizes[i%3][1]
}

// withoutSmall is another owner of f as a decoder of another format would give it.
func withoutSmall(f *Frame) *Frame {
	g := *f
	g.small = nil
	return &g
}

// expected decodes 40 pictures that ffmpeg made, which are expected to be shrunk.
func expected(t *testing.T, size string, options []string) (all []*Frame) {
	t.Helper()
	packets := ffmpeg(t, "testsrc2=size="+size+":rate=25", append([]string{"-frames:v", "40", "-c:v", "libx264", "-g", "20", "-preset", "superfast"}, options...)...)
	d, err := NewVideoDecoder(H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range packets {
		d.Expect(neededOf(i))
		frames, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, frames...)
	}
	return all
}
