package codec_test

import (
	"image"
	"strings"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// interlacedFilm encodes a bright bar that moves to the right over a dark background, at 50 fields a second, as frames of two fields
// each. order is the order of the fields, tff or bff.
func interlacedFilm(t *testing.T, order string, options ...string) []mixer.Packet {
	t.Helper()
	modes := map[string]string{"tff": "interleave_top", "bff": "interleave_bottom"}
	source := "color=black:size=320x240:rate=50:duration=0.4,format=yuv420p," +
		"geq=lum='if(between(X,20+4*N,59+4*N),200,40)':cb=128:cr=128,tinterlace=mode=" + modes[order]
	return codectest.Film(t, source, append(options, "-bf", "0", "-crf", "10")...)
}

// combing returns by how much each row of f differs from the mean of the rows above and below, on average over all samples. It is
// zero if rows do not alternate.
func combing(f *codec.Frame) float64 {
	sum, n := 0, 0
	value := func(x, y int) int { return int(f.Mean(image.Rect(x, y, x+2, y+1)).Y) }
	for y := 9; y < f.Height()-9; y++ {
		for x := 0; x < f.Width(); x += 2 {
			d := 2*value(x, y) - value(x, y-1) - value(x, y+1)
			sum += max(d, -d)
			n += 2
		}
	}
	return float64(sum) / float64(n)
}

// leftEdge returns where the bright bar of f starts in row y, in pixels.
func leftEdge(f *codec.Frame, y int) int {
	x := 0
	for x < f.Width() && f.Mean(image.Rect(x, y, x+1, y+1)).Y < 120 {
		x++
	}
	return x
}

// decodeEach decodes packets with cutouts, and calls check for each frame. Each packet must return its own frame at once.
func decodeEach(t *testing.T, packets []mixer.Packet, check func(n int, d *codec.Decoded)) {
	t.Helper()
	d, err := codec.NewVideoDecoder(packets[0].Codec, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n, p := range packets {
		decoded, err := d.DecodeCutouts(p, []codec.Cutout{half})
		if err != nil || len(decoded) != 1 || decoded[0].Frame.PTS != p.PTS {
			t.Fatalf("packet %d: %d frames, %v: want its own frame at once", n, len(decoded), err)
		}
		check(n, &decoded[0])
		decoded[0].Close()
	}
}

var half = codec.Cutout{Width: 160, Height: 240} // all rows, so that combing would be seen

func TestInterlacedFramesAreNotCombed(t *testing.T) {
	for name, c := range map[string]struct{ order, options string }{
		"MBAFF, top field first":    {"tff", "-flags +ildct+ilme -x264-params interlaced=1:tff=1 -top 1"},
		"MBAFF, bottom field first": {"bff", "-flags +ildct+ilme -x264-params bff=1 -top 0"},
		"told by pic_struct only":   {"tff", "-x264-params fake-interlaced=1:tff=1 -top 1"},
	} {
		t.Run(name, func(t *testing.T) {
			decodeEach(t, interlacedFilm(t, c.order, strings.Fields(c.options)...), func(n int, d *codec.Decoded) {
				if v := combing(d.Frame); v > 0.2 {
					t.Errorf("frame %d: rows alternate by %.2f, want none", n, v)
				}
				if got, want := leftEdge(d.Frame, 120), 20+8*n; got < want-1 || got > want+1 {
					t.Errorf("frame %d: the bar starts at %d, want %d: where it is in the first field", n, got, want)
				}
				cutout := d.Cutout(half)
				if cutout == nil {
					t.Fatalf("frame %d has no cutout", n)
				}
				defer cutout.Close()
				if v := combing(cutout); v > 0.2 {
					t.Errorf("frame %d: rows of its cutout alternate by %.2f, want none", n, v)
				}
			})
		})
	}
}

// TestFieldsOfTheirOwnPictures decodes PAFF: frames that are coded as two fields, and frames between them that are coded as one
// picture and still consist of two fields.
func TestFieldsOfTheirOwnPictures(t *testing.T) {
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n := range 8 {
		bar := func(field, x, _ int) byte { // moves by 2 pixels a field
			if left := 8 + 4*n + 2*field; x >= left && x < left+16 {
				return 200
			}
			return 40
		}
		var frames []*codec.Frame
		for _, p := range paffFrame(n, n%4 != 3, bar) {
			p.PTS = time.Duration(n) * 40 * time.Millisecond
			got, err := d.Decode(p)
			if err != nil {
				t.Fatalf("frame %d: %v", n, err)
			}
			frames = append(frames, got...)
		}
		if len(frames) != 1 {
			t.Fatalf("frame %d: %d frames, want 1", n, len(frames))
		}
		if v := combing(frames[0]); v > 0.2 {
			t.Errorf("frame %d: rows alternate by %.2f, want none", n, v)
		}
		frames[0].Close()
	}
}

// TestFieldsOfH265 decodes H.265 whose frames are single fields: each is shown in the shape of the whole frame.
// FFmpeg does not mark the first frame as a field.
func TestFieldsOfH265(t *testing.T) {
	for sar, shape := range map[string][2]int{"1": {160, 144}, "12/11": {174, 144}} {
		packets := codectest.Film(t, "testsrc2=size=320x144:rate=50:duration=0.2,setsar="+sar, "-c:v", "libx265", "-bf", "0",
			"-x265-params", "interlace=tff:log-level=none", "-pix_fmt", "yuv420p")
		decodeEach(t, packets, func(n int, d *codec.Decoded) {
			if w, h := d.Frame.DisplaySize(); n > 0 && [2]int{w, h} != shape {
				t.Errorf("frame %d is shown as %dx%d, want %v", n, w, h, shape)
			}
		})
	}
}

// TestAStillInterlacedPictureStaysSharp: where nothing moves, both fields belong together, so rows of one line are kept.
func TestAStillInterlacedPictureStaysSharp(t *testing.T) {
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n := range 3 {
		for _, p := range paffFrame(n, true, func(field, _, _ int) byte { return byte(60 + 80*field) }) {
			frames, err := d.Decode(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range frames {
				if v := combing(f); n > 0 && v < 70 {
					t.Errorf("frame %d: rows alternate by %.0f, want 80: the picture is blurred", n, v)
				}
				f.Close()
			}
		}
	}
}

func BenchmarkDeinterlace(b *testing.B) {
	for _, options := range []string{"-flags +ildct+ilme -top 1", ""} {
		source := "testsrc2=size=1920x1080:rate=50:duration=1,tinterlace=mode=interleave_top"
		packets := codectest.Film(b, source, append(strings.Fields(options), "-bf", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p")...)
		b.Run(options, func(b *testing.B) {
			d, err := codec.NewVideoDecoder(mixer.H264, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			for i := 0; b.Loop(); i++ {
				frames, err := d.Decode(packets[i%len(packets)])
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range frames {
					f.Close()
				}
			}
		})
	}
}
