package codec_test

import (
	"errors"
	"fmt"
	"testing"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// limitEncoders holds options of Debian's ffmpeg that encode with each codec of a camera.
var limitEncoders = map[mixer.Codec][]string{
	mixer.H264:  {"-c:v", "libx264", "-preset", "ultrafast"},
	mixer.H265:  {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"},
	mixer.VP9:   {"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"},
	mixer.AV1:   {"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"},
	mixer.MJPEG: {"-c:v", "mjpeg", "-color_range", "pc"},
}

// keyframeOf returns a keyframe of w by h pixels.
func keyframeOf(t *testing.T, id mixer.Codec, w, h int) mixer.Packet {
	t.Helper()
	source := fmt.Sprintf("testsrc2=size=%dx%d:rate=5:duration=0.2", w, h)
	if id != mixer.VP8 { // MP4 has no VP8
		return codectest.Film(t, source, append([]string{"-pix_fmt", "yuv420p"}, limitEncoders[id]...)...)[0]
	}
	packets := codectest.Encode(t, codec.VideoConfig{Codec: id, Width: w, Height: h, FPS: 5, Bitrate: 1_000_000}, 1, 1, nil)
	if len(packets) != 1 {
		t.Fatalf("%d packets", len(packets))
	}
	return packets[0]
}

// decodeWithin decodes p with a limit, and returns the number of frames.
func decodeWithin(t *testing.T, p mixer.Packet, maxPixels int) (int, error) {
	t.Helper()
	d, err := codec.NewVideoDecoder(p.Codec, maxPixels)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	frames, err := d.Decode(p)
	held, flushErr := d.Flush()
	frames = append(frames, held...)
	for _, f := range frames {
		f.Close()
	}
	return len(frames), errors.Join(err, flushErr)
}

// TestLimitIsExactInEveryShape decodes frames of exactly the limit, and frames of one pixel more. A packet without the flag of a
// keyframe is only checked after decoding.
func TestLimitIsExactInEveryShape(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP8, mixer.VP9, mixer.AV1, mixer.MJPEG} {
		for _, size := range [][2]int{{66, 498}, {498, 66}, {130, 130}, {1026, 66}} {
			p := keyframeOf(t, id, size[0], size[1])
			pixels := size[0] * size[1]
			for _, p.Key = range []bool{true, false} {
				name := fmt.Sprintf("%s of %dx%d, key %v", id, size[0], size[1], p.Key)
				if n, err := decodeWithin(t, p, pixels); n != 1 || err != nil {
					t.Errorf("%s: exactly the limit gave %d frames, %v", name, n, err)
				}
				n, err := decodeWithin(t, p, pixels-1)
				var tooLarge *mixer.TooLargeError
				if n != 0 || !errors.As(err, &tooLarge) {
					t.Errorf("%s: a pixel more than the limit gave %d frames, %v", name, n, err)
				} else if *tooLarge != (mixer.TooLargeError{Width: size[0], Height: size[1], MaxPixels: pixels - 1}) {
					t.Errorf("%s: the error names %+v", name, *tooLarge)
				}
			}
		}
	}
}

// TestDefaultLimitTakesUHDUpright decodes the sizes that the documentation promises, and refuses a camera of 12 million pixels.
func TestDefaultLimitTakesUHDUpright(t *testing.T) {
	limit := mixer.Config{}.WithDefaults().MaxPixels
	for _, size := range [][2]int{{2160, 3840}, {3840, 2160}, {7680, 1080}} {
		if n, err := decodeWithin(t, keyframeOf(t, mixer.H264, size[0], size[1]), limit); n != 1 || err != nil {
			t.Errorf("%v gave %d frames, %v", size, n, err)
		}
	}
	_, err := decodeWithin(t, keyframeOf(t, mixer.H264, 4000, 3000), limit)
	if want := "4000×3000 is more than limits.source_pixels (8294400)"; err == nil || err.Error() != want {
		t.Errorf("4000x3000 gave %v, want %s", err, want)
	}
}
