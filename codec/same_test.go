package codec

import (
	"errors"
	"image"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"azulejo/mixer"
)

func TestSame(t *testing.T) {
	noLeak(t)
	a, b := colourBars(t, 322, 182, 0), colourBars(t, 322, 182, 0)
	defer a.Close()
	defer b.Close()
	b.PTS = time.Second
	if !a.Same(b) || !a.Same(a) {
		t.Error("equal frames differ")
	}
	for _, r := range []image.Rectangle{image.Rect(0, 0, 2, 2), image.Rect(320, 180, 322, 182), image.Rect(160, 90, 162, 92)} {
		for _, c := range []Colour{{Y: 1, U: 70, V: 180}, {Y: 40, U: 1, V: 180}, {Y: 40, U: 70, V: 1}} {
			other := colourBars(t, 322, 182, 0)
			other.Fill(r, c)
			if a.Same(other) {
				t.Errorf("a difference of %v at %v was not seen", c, r)
			}
			other.Close()
		}
	}
	smaller := colourBars(t, 320, 182, 0)
	defer smaller.Close()
	if a.Same(smaller) {
		t.Error("frames of two sizes are the same")
	}
	g := a.Ref()
	defer g.Close()
	if !a.Same(g) {
		t.Error("another owner's frame differs")
	}
}

// TestLooksLike: a difference of three does not count, one of four does, anywhere in the frame.
func TestLooksLike(t *testing.T) {
	noLeak(t)
	grey := Colour{Y: 100, U: 100, V: 100}
	of := func(r image.Rectangle, c Colour) *Frame {
		f, err := NewFrame(322, 182)
		if err != nil {
			t.Fatal(err)
		}
		f.Fill(f.Bounds(), grey)
		f.Fill(r, c)
		return f
	}
	a := of(image.Rect(0, 0, 2, 2), grey)
	defer a.Close()
	for _, r := range []image.Rectangle{image.Rect(0, 0, 2, 2), image.Rect(320, 180, 322, 182), image.Rect(0, 0, 322, 182)} {
		for d, want := range map[uint8]bool{1: true, 3: true, 4: false, 60: false} {
			for _, c := range []Colour{{100 + d, 100, 100}, {100, 100 + d, 100}, {100, 100, 100 - d}} {
				b := of(r, c)
				if a.LooksLike(b) != want || b.LooksLike(a) != want {
					t.Errorf("%v at %v: it looks the same: %v, want %v", c, r, !want, want)
				}
				if a.Same(b) {
					t.Errorf("%v at %v is the same", c, r)
				}
				b.Close()
			}
		}
	}
}

func TestCropTakesWhatIsInside(t *testing.T) {
	noLeak(t)
	f := colourBars(t, 320, 180, 0)
	for _, c := range []struct {
		r    image.Rectangle
		w, h int
		bar  int
	}{
		{image.Rect(84, 10, 156, 100), 72, 90, 1},
		{image.Rect(240, 0, 320, 180), 80, 180, 3},
		{image.Rect(-50, -50, 80, 1000), 80, 180, 0},
		{f.Bounds(), 320, 180, -1},
	} {
		part, err := f.Crop(c.r)
		if err != nil {
			t.Fatal(err)
		}
		if part.Width() != c.w || part.Height() != c.h {
			t.Errorf("%v is %dx%d, want %dx%d", c.r, part.Width(), part.Height(), c.w, c.h)
		}
		want := Colour{Y: uint8(40 + 45*c.bar), U: uint8(70 + 30*c.bar), V: uint8(180 - 30*c.bar)}
		if got := part.Mean(part.Bounds()); c.bar >= 0 && got != want {
			t.Errorf("%v is %v, want %v", c.r, got, want)
		}
		part.Close()
	}
	if f.Width() != 320 || f.Height() != 180 {
		t.Errorf("the frame itself became %dx%d", f.Width(), f.Height())
	}
	if part, err := f.Crop(image.Rect(500, 500, 600, 600)); err == nil {
		part.Close()
		t.Error("a rectangle outside the frame was cropped")
	}
	f.Close()
	if _, err := f.Crop(image.Rect(0, 0, 2, 2)); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("cropping a closed frame gave %v", err)
	}
}

// ffmpeg encodes a source of lavfi with the system's tool.
func ffmpeg(t *testing.T, source string, options ...string) (all []mixer.Packet) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip.mp4")
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"}, options...)
	if out, err := exec.Command("ffmpeg", append(args, name)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	f, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		p, err := f.Next()
		if err != nil {
			return all
		}
		all = append(all, p)
	}
}

// psnr compares the luma of two frames of one size, in dB. It is infinite where they are equal.
func psnr(a, b *Frame) float64 {
	p, q := a.planes()[0], b.planes()[0]
	sum := 0.0
	for y := range p.height {
		for x := range p.width {
			d := float64(p.pix[y*p.stride+x]) - float64(q.pix[y*q.stride+x])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255*float64(p.width*p.height)/sum)
}

// TestLoopFilterIsSkipped compares a GOP decoded with the loop filter and without, at half its size.
func TestLoopFilterIsSkipped(t *testing.T) {
	noLeak(t)
	packets := ffmpeg(t, "testsrc2=size=640x360:rate=15:duration=2", "-vf", "noise=alls=8:allf=t", "-c:v", "libx264", "-bf", "0", "-g", "30", "-preset", "veryfast", "-crf", "30")
	full, spared, off := videoDecoder(t, mixer.H264), videoDecoder(t, mixer.H264), videoDecoder(t, mixer.H264)
	spared.SkipLoopFilter(true)
	off.SkipLoopFilter(true)
	off.SkipLoopFilter(false)
	worst, differ := math.Inf(1), 0
	for i, p := range packets {
		a, b, c := decode1(t, full, p), decode1(t, spared, p), decode1(t, off, p)
		if !a.Same(c) {
			t.Errorf("frame %d differs although nothing is skipped", i)
		}
		if p.Key && a.Same(b) {
			t.Errorf("keyframe %d does not differ", i)
		}
		if !a.Same(b) {
			differ++
		}
		x, y := halved(t, a), halved(t, b)
		worst = min(worst, psnr(x, y))
		for _, f := range []*Frame{a, b, c, x, y} {
			f.Close()
		}
	}
	if differ < len(packets)/2 {
		t.Errorf("%d of %d frames differ: the loop filter is not skipped", differ, len(packets))
	}
	if worst < 35 {
		t.Errorf("at worst %.1f dB", worst)
	}
}

func decode1(t *testing.T, d *VideoDecoder, p mixer.Packet) *Frame {
	t.Helper()
	frames, err := d.Decode(p)
	if err != nil || len(frames) != 1 {
		t.Fatalf("%d frames, error %v", len(frames), err)
	}
	return frames[0]
}

func halved(t *testing.T, f *Frame) *Frame {
	t.Helper()
	s, err := NewScaler()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := NewFrame(f.Width()/2, f.Height()/2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Scale(g, f); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestCappedQuality: a still video takes few bits, and one in which everything moves stays near the cap.
func TestCappedQuality(t *testing.T) {
	const bitrate, fps = 500_000, 20
	for id, quality := range map[mixer.Codec]int{mixer.H264: 23, mixer.VP8: 28} {
		spend := func(noisy bool) int {
			e, err := NewVideoEncoder(VideoConfig{Codec: id, Width: 320, Height: 180, FPS: fps, Bitrate: bitrate, Quality: quality, Preset: "ultrafast"})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			f := colourBars(t, 320, 180, 0)
			defer f.Close()
			seed := uint32(1)
			bits := 0
			for i := range 5 * fps {
				if noisy {
					seed = scatter(f, seed)
				}
				packets, err := e.Encode(f, time.Duration(i)*time.Second/fps, i == 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range packets {
					if i >= 4*fps { // the last second
						bits += 8 * len(p.Data)
					}
				}
			}
			return bits
		}
		if still := spend(false); still > bitrate/10 {
			t.Errorf("%s: a still video took %d of %d bits a second", id, still, bitrate)
		}
		if noisy := spend(true); noisy > bitrate*13/10 || noisy < bitrate/2 {
			t.Errorf("%s: noise took %d of %d bits a second", id, noisy, bitrate)
		}
	}
}

// scatter fills f with blocks of noise.
func scatter(f *Frame, seed uint32) uint32 {
	for y := 0; y < f.Height(); y += 4 {
		for x := 0; x < f.Width(); x += 4 {
			seed = seed*1664525 + 1013904223
			f.Fill(image.Rect(x, y, x+4, y+4), Colour{Y: uint8(96 + seed>>26), U: 128, V: 128})
		}
	}
	return seed
}
