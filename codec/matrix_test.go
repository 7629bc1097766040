package codec

import (
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

var matrices = []astiav.ColorSpace{
	astiav.ColorSpaceSmpte170M, astiav.ColorSpaceBt709, astiav.ColorSpaceFcc, astiav.ColorSpaceSmpte240M, astiav.ColorSpaceBt2020Ncl,
}

// TestMatrixChange compares both implementations with exact arithmetic, for pseudorandom samples and all pairs of matrices.
func TestMatrixChange(t *testing.T) {
	noLeak(t)
	for _, w := range []int{2, 30, 32, 34, 94, 128} { // with and without samples after the last 16
		src := pattern(t, w, 6, uint32(w))
		for _, from := range matrices {
			for _, to := range matrices {
				src.f.SetColorSpace(from)
				compareChange(t, src, to, changeMatrix)
				compareChange(t, src, to, changeMatrixPortable)
			}
		}
		src.Close()
	}
}

// compareChange compares what change makes of src with exact arithmetic, in another frame and in place.
func compareChange(t *testing.T, src *Frame, to astiav.ColorSpace, change func(dst, src *Frame, m matrixChange)) {
	t.Helper()
	dst, same := pattern(t, src.Width(), src.Height(), 0), pattern(t, src.Width(), src.Height(), 0)
	defer dst.Close()
	defer same.Close()
	same.Paste(src, 0, 0)
	m := changeOf(src.f.ColorSpace(), to)
	change(dst, src, m)
	change(same, same, m)
	if !dst.Same(same) {
		t.Error("in place the result differs")
	}
	in, out := src.planes(), dst.planes()
	for y := range src.Height() {
		for x := range src.Width() {
			at := func(planes [3]plane) (yuv [3]float64) {
				for i, p := range planes {
					yuv[i] = float64(p.pix[y>>min(i, 1)*p.stride+x>>min(i, 1)])
				}
				return yuv
			}
			a, got := at(in), at(out)
			u, v := a[1]-128, a[2]-128
			for i, grown := range []float64{m.yu*u + m.yv*v, m.uu*u + m.uv*v, m.vu*u + m.vv*v} {
				if want := min(max(a[i]+grown, 0), 255); math.Abs(got[i]-want) > 0.6 {
					t.Fatalf("%v to %v: sample %d of %v at %d, %d is %v, want %.2f", src.f.ColorSpace(), to, i, a, x, y, got[i], want)
				}
			}
		}
	}
}

// TestRGBInEveryMatrix: a colour that was converted to another matrix is the same colour. The expected samples of BT.601 come
// from ITU-R BT.601-7 §2.5.3.
func TestRGBInEveryMatrix(t *testing.T) {
	for _, rgb := range [][3]uint8{{0, 0, 0}, {255, 255, 255}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {191, 191, 0}, {20, 30, 200}} {
		r, g, b := float64(rgb[0])/255, float64(rgb[1])/255, float64(rgb[2])/255
		want := Colour{
			Y: uint8(16.5 + 65.481*r + 128.553*g + 24.966*b),
			U: uint8(128.5 - 37.797*r - 74.203*g + 112*b),
			V: uint8(128.5 + 112*r - 93.786*g - 18.214*b),
		}
		c := RGB(rgb[0], rgb[1], rgb[2])
		if got := c.inMatrix(canvasMatrix, astiav.ColorSpaceSmpte170M); !near(got, want, 1) {
			t.Errorf("%v is %v in BT.601, want %v", rgb, got, want)
		}
		for _, m := range matrices {
			if got := c.inMatrix(canvasMatrix, m).inMatrix(m, canvasMatrix); !near(got, c, 1) {
				t.Errorf("%v becomes %v and not %v by way of %v", rgb, got, c, m)
			}
		}
	}
}

// TestMatrixOfAFrame: the tag counts, and without a known tag the size, as in players.
func TestMatrixOfAFrame(t *testing.T) {
	sd, hd := astiav.ColorSpaceSmpte170M, astiav.ColorSpaceBt709
	for _, c := range []struct {
		tag  astiav.ColorSpace
		w, h int
		want astiav.ColorSpace
	}{
		{astiav.ColorSpaceUnspecified, 720, 576, sd},
		{astiav.ColorSpaceUnspecified, 1024, 576, sd},
		{astiav.ColorSpaceUnspecified, 1280, 534, hd},
		{astiav.ColorSpaceUnspecified, 720, 1280, hd},
		{astiav.ColorSpaceUnspecified, 1920, 1080, hd},
		{astiav.ColorSpaceReserved, 640, 360, sd},
		{astiav.ColorSpaceYcgco, 1280, 720, hd},
		{astiav.ColorSpaceSmpte170M, 1920, 1080, sd},
		{astiav.ColorSpaceBt470Bg, 1920, 1080, astiav.ColorSpaceBt470Bg},
		{astiav.ColorSpaceBt709, 320, 180, hd},
		{astiav.ColorSpaceBt2020Cl, 3840, 2160, astiav.ColorSpaceBt2020Ncl},
		{astiav.ColorSpaceSmpte240M, 1920, 1080, astiav.ColorSpaceSmpte240M},
	} {
		f := astiav.AllocFrame()
		f.SetWidth(c.w)
		f.SetHeight(c.h)
		f.SetColorSpace(c.tag)
		if got := matrixOf(f); got != c.want {
			t.Errorf("%v at %dx%d counts as %v, want %v", c.tag, c.w, c.h, got, c.want)
		}
		f.Free()
	}
}

// TestCutsAreInTheMatrixOfCanvases: frames of any matrix become cutouts of the same colour in BT.709, in every size.
func TestCutsAreInTheMatrixOfCanvases(t *testing.T) {
	noLeak(t)
	s := scaler(t)
	for _, m := range matrices {
		for _, colour := range []Colour{RGB(191, 0, 0), RGB(0, 191, 0), RGB(0, 0, 191), RGB(191, 191, 191)} {
			src := colourBars(t, 320, 180, 0)
			src.Fill(src.Bounds(), colour.inMatrix(canvasMatrix, m))
			src.f.SetColorSpace(m)
			for _, cut := range []Cutout{
				{Width: 160, Height: 90}, {Width: 320, Height: 180}, {Width: 640, Height: 360}, {image.Rect(80, 0, 240, 180), 160, 180},
			} {
				got, err := s.Cut(src, cut)
				if err != nil {
					t.Fatal(err)
				}
				if mean := got.Mean(got.Bounds()); got.f.ColorSpace() != canvasMatrix || !near(mean, colour, 1) {
					t.Errorf("%v of %v: %v in %v becomes %v in %v", cut, m, colour, m, mean, got.f.ColorSpace())
				}
				got.Close()
			}
			if src.f.ColorSpace() != m || !near(src.Mean(src.Bounds()), colour, 1) {
				t.Error("the frame has changed")
			}
			src.Close()
		}
	}
}

// TestGreyKeepsItsBrightness: frames without chroma samples, of both ranges, have the brightness that their range says.
func TestGreyKeepsItsBrightness(t *testing.T) {
	noLeak(t)
	s := scaler(t)
	for _, pix := range []string{"gray", "gray10le"} {
		for _, r := range []string{"tv", "pc"} {
			packets := ffmpeg(t, "color=c=0xbfbfbf:size=320x180:rate=5:duration=1", "-c:v", "libx265", "-x265-params", "log-level=none",
				"-vf", "format=rgb24,scale=out_range="+r+",format="+pix, "-pix_fmt", pix, "-color_range", r)
			d := videoDecoder(t, mixer.H265)
			frames, err := d.Decode(packets[0])
			more, flushErr := d.Flush()
			if frames = append(frames, more...); err != nil || flushErr != nil || len(frames) != 1 {
				t.Fatalf("%d frames of one packet, errors %v and %v", len(frames), err, flushErr)
			}
			for _, w := range []int{160, 320, 640} {
				cut, err := s.Cut(frames[0], Cutout{Width: w, Height: w / 16 * 9})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := cut.Mean(cut.Bounds()), RGB(191, 191, 191); !near(got, want, 1) || !cut.planar() {
					t.Errorf("%s %s in %d pixels is %v, want %v", pix, r, w, got, want)
				}
				cut.Close()
			}
			frames[0].Close()
		}
	}
}

// TestEncodersSayTheirMatrix: H.264 says that it is BT.709. VP8 and MJPEG are BT.601, which they cannot say.
func TestEncodersSayTheirMatrix(t *testing.T) {
	red := RGB(191, 0, 0)
	for id, want := range map[mixer.Codec]string{
		mixer.H264: "tv,bt709,bt709,bt709", mixer.VP8: "tv,bt470bg,unknown,unknown", mixer.MJPEG: "pc,bt470bg,unknown,unknown",
	} {
		f := colourBars(t, 320, 180, 0)
		f.Fill(f.Bounds(), red)
		packets, err := videoEncoder(t, id, 320, 180).Encode(f, 0, true)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := videoDecoder(t, id).Decode(packets[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded[0].Mean(image.Rect(100, 50, 200, 100)); id != mixer.MJPEG && !near(got, red, 2) {
			t.Errorf("%s: red is %v, want %v", id, got, red)
		}
		decoded[0].Close()
		if got := tagsOf(t, packets[0]); got != want {
			t.Errorf("%s is tagged %s, want %s", id, got, want)
		}
	}
}

// tagsOf returns the range, the matrix, the transfer function and the primaries of a frame, as ffprobe names them.
func tagsOf(t *testing.T, p mixer.Packet) string {
	t.Helper()
	name, data := filepath.Join(t.TempDir(), "frame"), p.Data
	if p.Codec == mixer.VP8 {
		data = append([]byte("DKIF\x00\x00\x20\x00VP80\x40\x01\xb4\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01"), make([]byte, 7)...)
		data = append(data, byte(len(p.Data)), byte(len(p.Data)>>8), byte(len(p.Data)>>16), 0)
		data = append(append(data, make([]byte, 8)...), p.Data...)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-f", map[mixer.Codec]string{mixer.H264: "h264", mixer.VP8: "ivf", mixer.MJPEG: "mjpeg"}[p.Codec],
		"-show_entries", "frame=color_range,color_space,color_primaries,color_transfer", "-of", "csv=p=0", name).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	return strings.TrimRight(string(out), ",\n")
}

// TestMatricesDiffer: frames with the same samples in different matrices are different pictures.
func TestMatricesDiffer(t *testing.T) {
	a, b := pattern(t, 64, 36, 1), pattern(t, 64, 36, 1)
	defer a.Close()
	defer b.Close()
	b.f.SetColorSpace(astiav.ColorSpaceSmpte170M)
	if a.Same(b) || a.LooksLike(b) {
		t.Error("samples of two matrices count as the same")
	}
}

// BenchmarkSetMatrix converts a tile of a 3x3 wall, and a whole canvas.
func BenchmarkSetMatrix(b *testing.B) {
	for _, size := range [][2]int{{426, 240}, {1280, 720}} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f := pattern(b, size[0], size[1], 1)
			defer f.Close()
			for b.Loop() {
				f.f.SetColorSpace(astiav.ColorSpaceSmpte170M)
				f.setMatrix(canvasMatrix)
			}
		})
	}
}
