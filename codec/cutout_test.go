package codec

import (
	"fmt"
	"image"
	"math"
	"testing"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// pattern is a frame of pseudorandom samples.
func pattern(t testing.TB, w, h int, seed uint32) *Frame {
	t.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.planes() {
		for i := range p.pix {
			seed = seed*1664525 + 1013904223
			p.pix[i] = byte(seed >> 24)
		}
	}
	return f
}

// meanOf is the average of the area from x0, y0 to x1, y1 of p.
func meanOf(p plane, x0, y0, x1, y1 float64) float64 {
	var sum, area float64
	for y := int(y0); y < p.height && float64(y) < y1; y++ {
		for x := int(x0); x < p.width && float64(x) < x1; x++ {
			part := (min(x1, float64(x+1)) - max(x0, float64(x))) * (min(y1, float64(y+1)) - max(y0, float64(y)))
			sum, area = sum+part*float64(p.pix[y*p.stride+x]), area+part
		}
	}
	return sum / area
}

// TestCutoutsAreAverages: every sample is the average of the area that it covers, with an error below two, with the
// instructions of this processor and with those of every processor.
func TestCutoutsAreAverages(t *testing.T) {
	noLeak(t)
	for _, c := range []struct {
		w, h int
		cut  Cutout
	}{
		{1280, 720, Cutout{Width: 426, Height: 240}},
		{1280, 720, Cutout{Width: 1024, Height: 576}},
		{1280, 720, Cutout{Width: 320, Height: 180}},
		{1280, 720, Cutout{Width: 256, Height: 144}},
		{1280, 720, Cutout{Width: 160, Height: 90}},
		{1280, 720, Cutout{Width: 1280, Height: 90}},
		{1280, 720, Cutout{Width: 1278, Height: 718}},
		{640, 360, Cutout{Width: 426, Height: 240}},
		{4096, 64, Cutout{Width: 30, Height: 2}},
		{64, 2000, Cutout{Width: 2, Height: 6}},
		{16, 16, Cutout{Width: 2, Height: 2}},
		{10, 600, Cutout{Width: 10, Height: 18}},
		{1280, 720, Cutout{image.Rect(160, 0, 1120, 720), 240, 180}},
		{1280, 720, Cutout{image.Rect(1, 101, 641, 461), 320, 180}},
		{1280, 720, Cutout{image.Rect(1000, 500, 1280, 720), 212, 120}},
	} {
		t.Run(fmt.Sprintf("%dx%d-%v", c.w, c.h, c.cut), func(t *testing.T) {
			src := pattern(t, c.w, c.h, 1)
			defer src.Close()
			src.PTS = 7
			part := c.cut.part(src.Bounds())
			for name, build := range map[string]func(Cutout, image.Rectangle) (*cutter, error){"best": newCutter, "plain": newPortableCutter} {
				cutter, err := build(c.cut, src.Bounds())
				if err != nil {
					t.Fatal(err)
				}
				got, err := cutter.cut(src)
				if err != nil {
					t.Fatal(err)
				}
				if got.PTS != 7 {
					t.Errorf("it is of %v, want 7", got.PTS)
				}
				if off := farthest(src, got, c.cut); off >= 2 && (off >= 4 || part.Dy() < 32*c.cut.Height) { // each weight is rounded
					t.Errorf("%s: a sample is off by %.2f", name, off)
				}
				got.Close()
				cutter.close()
			}
		})
	}
}

// farthest is the largest difference of a sample of got from the average that it should be.
func farthest(src, got *Frame, cut Cutout) (off float64) {
	part := cut.part(src.Bounds())
	from, to := src.planes(), got.planes()
	for i := range to {
		r := subsample(part, i)
		w, h := trim(r.Dx(), to[i].width), trim(r.Dy(), to[i].height)
		r = image.Rect(0, 0, w, h).Add(r.Min).Add(image.Pt((r.Dx()-w)/2, (r.Dy()-h)/2))
		sx, sy := float64(w)/float64(to[i].width), float64(h)/float64(to[i].height)
		for y := range to[i].height {
			for x := range to[i].width {
				left, top := float64(r.Min.X)+sx*float64(x), float64(r.Min.Y)+sy*float64(y)
				want := meanOf(from[i], left, top, left+sx, top+sy)
				off = max(off, math.Abs(want-float64(to[i].pix[y*to[i].stride+x])))
			}
		}
	}
	return off
}

// TestCut: cutouts that are not averages are scaled otherwise, and a cutout that equals the frame is not a copy.
func TestCut(t *testing.T) {
	noLeak(t)
	s := scaler(t)
	src := pattern(t, 640, 360, 1)
	defer src.Close()
	for _, cut := range []Cutout{
		{Width: 640, Height: 360},
		{Width: 320, Height: 180},
		{Width: 1280, Height: 720},
		{Width: 1280, Height: 90},
		{image.Rect(0, 0, 64, 36), 640, 360},
		{image.Rect(320, 180, 640, 360), 320, 180},
	} {
		got, err := s.Cut(src, cut)
		if err != nil {
			t.Fatal(err)
		}
		if got.Width() != cut.Width || got.Height() != cut.Height || !got.planar() {
			t.Errorf("%v is %dx%d", cut, got.Width(), got.Height())
		}
		if want := cut.Width == 640 && cut.Crop.Empty(); want != (&got.planes()[0].pix[0] == &src.planes()[0].pix[0]) {
			t.Errorf("%v: the same pixels: %v", cut, !want)
		}
		got.Close()
	}
	full := pattern(t, 640, 360, 1)
	full.f.SetColorRange(astiav.ColorRangeJpeg)
	full.Fill(full.Bounds(), Colour{Y: 255, U: 128, V: 128})
	white, err := s.Cut(full, Cutout{Width: 320, Height: 180})
	if err != nil || white.Mean(white.Bounds()).Y != 235 {
		t.Errorf("white of full range becomes %v, error %v; want 235", white.Mean(white.Bounds()), err)
	}
	white.Close()
	full.Close()
	if _, err := s.Cut(full, Cutout{Width: 320, Height: 180}); err == nil {
		t.Error("a closed frame was scaled")
	}
}

// TestTrim: little of a length is left out, and only where that makes samples of fewer samples.
func TestTrim(t *testing.T) {
	for _, c := range [][3]int{{1280, 426, 1278}, {640, 426, 639}, {1280, 1024, 1280}, {1280, 640, 1280}, {1920, 426, 1917}, {100, 99, 100}, {1280, 1279, 1279}, {2, 2, 2}} {
		if got := trim(c[0], c[1]); got != c[2] {
			t.Errorf("%d of %d is used for %d, want %d", got, c[0], c[1], c[2])
		}
	}
}

func scaler(t *testing.T) *Scaler {
	t.Helper()
	s, err := NewScaler()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wantedOf are the cutouts that are wanted of frame i. They change every ten frames.
func wantedOf(i int, w, h int) []Cutout {
	return [][]Cutout{
		{{Width: 320, Height: 180}},
		{{Width: 424, Height: 238}, {Width: 1024, Height: 576}, {Width: 160, Height: 90}},
		{{image.Rect(w/8, 0, 7*w/8, h), 240, 180}, {Width: 2 * w, Height: 2 * h}, {Width: 850, Height: 90}},
		nil,
	}[i/10]
}

// TestFramesComeWithCutouts: the decoder's cutouts equal those that a Scaler makes afterwards, for streams of every kind.
// For plain streams they are made during decoding.
func TestFramesComeWithCutouts(t *testing.T) {
	for name, c := range map[string]struct {
		w, h    int
		options []string
		early   int  // how many of 30 frames have cutouts that were made during decoding, at least
		some    bool // there are cutouts
	}{
		"plain":          {1280, 720, []string{"-bf", "0"}, 26, true},
		"no loop filter": {1280, 720, []string{"-bf", "0", "-x264-params", "no-deblock=1"}, 26, true},
		"slices":         {1280, 720, []string{"-bf", "0", "-x264-params", "slices=5"}, 26, true},
		"cropped":        {1278, 718, []string{"-bf", "0"}, 26, true},
		"1080":           {1920, 1080, []string{"-bf", "0"}, 26, true},
		"BT.601":         {1280, 720, []string{"-bf", "0", "-colorspace", "smpte170m"}, 26, true},
		"B-frames":       {1280, 720, []string{"-bf", "2"}, 0, true},
		"fields":         {1280, 720, []string{"-bf", "0", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1"}, 0, true},
		"full range":     {1280, 720, []string{"-bf", "0", "-color_range", "pc"}, 0, false},
		"4:2:2":          {1280, 720, []string{"-bf", "0", "-pix_fmt", "yuv422p"}, 0, false},
		"another format": {1280, 720, nil, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			options := append([]string{"-frames:v", "40", "-c:v", "libx264", "-g", "20", "-preset", "superfast"}, c.options...)
			var packets []mixer.Packet
			if c.options == nil {
				e := videoEncoder(t, mixer.VP8, c.w, c.h)
				packets = encodeBars(t, e, c.w, c.h, 40)
				e.Close()
			} else {
				packets = ffmpeg(t, fmt.Sprintf("testsrc2=size=%dx%d:rate=25", c.w, c.h), options...)
			}
			early := decodeCutouts(t, packets, c.w, c.h, c.some)
			if early < c.early {
				t.Errorf("of %d frames the cutouts were made while decoding, want %d", early, c.early)
			}
		})
	}
}

// decodeCutouts compares the cutouts of all frames with those that a Scaler makes, and counts the frames whose cutouts were
// made during decoding. If some is false, no frame may have cutouts.
func decodeCutouts(t *testing.T, packets []mixer.Packet, w, h int, some bool) (early int) {
	t.Helper()
	d, err := NewVideoDecoder(packets[0].Codec, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range packets {
		wanted := wantedOf(i, w, h)
		frames, err := d.DecodeCutouts(p, wanted)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if len(wanted) > 0 && d.band.c != nil && d.band.done(f.Frame) {
				early++
			}
			for _, cut := range wanted {
				compareCutout(t, &f, cut, some && cut.Width < w)
			}
			if n := len(f.cutouts); len(wanted) == 0 && n > 0 {
				t.Errorf("frame %d comes with %d cutouts that nobody wants", i, n)
			}
			f.Close()
		}
	}
	return early
}

func compareCutout(t *testing.T, d *Decoded, cut Cutout, wanted bool) {
	t.Helper()
	f := d.Frame
	got := d.Cutout(cut)
	defer got.Close()
	if !wanted || got == nil {
		if wanted != (got != nil) {
			t.Errorf("frame %v comes with %v: %v", f.PTS, cut, got != nil)
		}
		return
	}
	want, err := scaler(t).Cut(f, cut)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if !got.Same(want) || got.PTS != f.PTS {
		t.Errorf("%v of frame %v differs from what is cut afterwards", cut, f.PTS)
	}
}

// TestLooksLikeComparesWhatIsShown: frames that are only shown as cutouts look alike if the cutouts do.
func TestLooksLikeComparesWhatIsShown(t *testing.T) {
	noLeak(t)
	left, right := Cutout{image.Rect(0, 0, 320, 360), 160, 180}, Cutout{image.Rect(320, 0, 640, 360), 160, 180}
	large := Cutout{Width: 1280, Height: 720}
	made := func(c Colour, cuts ...Cutout) Decoded {
		f := pattern(t, 640, 360, 1)
		f.Fill(image.Rect(0, 0, 320, 360), Colour{Y: 100, U: 100, V: 100})
		f.Fill(image.Rect(400, 100, 500, 200), c)
		b := band{wanted: cuts}
		defer b.close()
		all, err := b.finish([]*Frame{f})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	for name, c := range map[string]struct {
		a, b []Cutout
		same bool
	}{
		"without cutouts":       {nil, nil, false},
		"where nothing changes": {[]Cutout{left}, []Cutout{left}, true},
		"where it does":         {[]Cutout{left, right}, []Cutout{left, right}, false},
		"other cutouts":         {[]Cutout{left}, []Cutout{left, right}, false},
		"one of the whole":      {[]Cutout{left, large}, []Cutout{left, large}, false},
	} {
		a, b := made(Colour{Y: 50}, c.a...), made(Colour{Y: 200}, c.b...)
		if a.LooksLike(&b) != c.same || b.LooksLike(&a) != c.same {
			t.Errorf("%s: the frames look alike: %v, want %v", name, !c.same, c.same)
		}
		if !c.same && (!a.Differs(&b) || !b.Differs(&a)) {
			t.Errorf("%s: the pictures do not differ", name)
		}
		a.Close()
		b.Close()
		b.Close()
	}
	for name, cuts := range map[string][]Cutout{"no cutouts": nil, "another cutout": {right}, "one more cutout": {left, large}} {
		a, b := made(Colour{Y: 50}, left), made(Colour{Y: 52}, cuts...)
		if a.Differs(&b) || b.Differs(&a) {
			t.Errorf("%s: the same picture differs", name)
		}
		a.Close()
		b.Close()
	}
}

// TestACutoutOutlivesItsFrame: a cutout stays valid when the frame that it was made of is closed.
func TestACutoutOutlivesItsFrame(t *testing.T) {
	noLeak(t)
	half := Cutout{Width: 320, Height: 180}
	f := pattern(t, 640, 360, 1)
	b := band{wanted: []Cutout{half}}
	defer b.close()
	all, err := b.finish([]*Frame{f})
	if err != nil {
		t.Fatal(err)
	}
	first, second := all[0].Cutout(half), all[0].Cutout(half)
	defer first.Close()
	defer second.Close()
	all[0].Close()
	if !first.Same(second) || first.Width() != 320 {
		t.Error("the cutout is gone with its frame")
	}
	if all[0].Cutout(half) != nil {
		t.Error("a closed frame has a cutout")
	}
}
