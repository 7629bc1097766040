package repeat_test

import (
	"fmt"
	"image"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// film has ffmpeg encode a source of lavfi in one thread, so that the stream is the same on every machine.
func film(t testing.TB, source string, options ...string) []mixer.Packet {
	t.Helper()
	return codectest.Film(t, source, append([]string{"-threads", "1"}, options...)...)
}

// frames are the frames of a stream by PTS.
type frames map[time.Duration]*codec.Frame

// decode decodes a stream. It fails the test if a frame is missing.
func decode(t testing.TB, packets []mixer.Packet) frames {
	t.Helper()
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all := frames{}
	add := func(decoded []*codec.Frame, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range decoded {
			all[f.PTS] = f
		}
	}
	for _, p := range packets {
		add(d.Decode(p))
	}
	add(d.Flush())
	if len(all) != len(packets) {
		t.Fatalf("%d frames of %d packets", len(all), len(packets))
	}
	return all
}

func (s frames) close() {
	for _, f := range s {
		f.Close()
	}
}

// counts are of the pictures that are not keyframes.
type counts struct{ inter, same, repeats int }

func (s counts) String() string {
	return fmt.Sprintf("%d that are no keyframes, %d the same as the one before, %d found", s.inter, s.same, s.repeats)
}

// compare compares the answers of a detector with the pixels. False repeats fail the test.
func compare(t testing.TB, packets []mixer.Packet) (n counts) {
	t.Helper()
	all := decode(t, packets)
	defer all.close()
	var d repeat.Detector
	for i, p := range packets {
		repeats := d.Repeats(p.Data)
		if i == 0 || p.Key {
			if repeats {
				t.Errorf("keyframe %d repeats", i)
			}
			continue
		}
		same := all[p.PTS].Same(all[packets[i-1].PTS])
		n.inter++
		if same {
			n.same++
		}
		if repeats {
			n.repeats++
		}
		if repeats && !same {
			t.Errorf("picture %d of %d bytes is a false repeat: %x", i, len(p.Data), p.Data)
		}
	}
	return n
}

const (
	still  = "testsrc2=size=200x120:rate=15,loop=loop=-1:size=1,trim=duration=5"
	moving = "[a];color=white:size=8x8:rate=15[b];[a][b]overlay=x=mod(n*7\\,190):y=mod(n*5\\,110):enable=not(mod(n\\,4)):shortest=1"
)

// scenes are what cameras show, as sources of lavfi.
var scenes = map[string]string{
	"still":          still,
	"object":         still + moving,
	"noise":          still + ",noise=alls=6:allf=t",
	"noise at times": still + ",noise=alls=20:allf=t:enable=lt(mod(n\\,12)\\,3)",
	"fades":          still + ",fade=t=in:d=2,fade=t=out:st=4:d=1",
	"faint steps":    still + ",eq=brightness=0.004:enable=gt(mod(n\\,9)\\,4)",
	"grey":           "color=gray:size=184x104:rate=15:duration=5",
}

// encoders are options of libx264. With quiet set, at least 90 % of the still scene must be found.
var encoders = map[string]struct {
	options string
	quiet   bool
}{
	"baseline":                 {"-profile:v baseline -preset veryfast -g 40", true},
	"baseline, slices":         {"-profile:v baseline -preset fast -x264-params slices=4:ref=3", true},
	"baseline, zero latency":   {"-profile:v baseline -tune zerolatency -qp 30 -x264-params keyint=20:ref=1", true},
	"baseline, low rate":       {"-profile:v baseline -tune zerolatency -b:v 60k", false}, // quality rises in each picture
	"main":                     {"-profile:v main -qp 24 -bf 0 -x264-params no-deblock=0:weightp=0", true},
	"main, unfiltered":         {"-profile:v main -qp 24 -bf 0 -x264-params no-deblock=1:weightp=0", true},
	"main, weights":            {"-profile:v main -qp 24 -bf 0 -x264-params weightp=2:ref=4", true},
	"main, simple weights":     {"-profile:v main -qp 26 -bf 0 -preset ultrafast -x264-params weightp=1:cabac=1", true},
	"main, slices":             {"-profile:v main -qp 30 -bf 0 -x264-params slices=4:weightp=0", true},
	"main, slices of any size": {"-profile:v main -qp 40 -bf 0 -x264-params slice-max-mbs=7:weightp=0", true},
	"main, long GOP":           {"-profile:v main -tune zerolatency -preset superfast -qp 27 -g 1000", true},
	"high, fine":               {"-profile:v high -preset slow -bf 0 -qp 2 -g 30", true},
	"high, coarse":             {"-profile:v high -preset medium -bf 0 -qp 51", true},
	"high, POC type 0":         {"-profile:v high -preset veryfast -bf 0 -qp 28 -x264-params nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:aud=1", true},
	"high 4:2:2":               {"-profile:v high422 -pix_fmt yuv422p -bf 0 -preset veryfast", true},
	"high 4:4:4":               {"-profile:v high444 -pix_fmt yuv444p -bf 0 -preset veryfast -qp 20", true},
	"lossless":                 {"-profile:v high444 -pix_fmt yuv444p -bf 0 -preset veryfast -qp 0", false}, // has no skipped macroblocks
	"intra refresh":            {"-profile:v main -bf 0 -x264-params intra-refresh=1:keyint=30:ref=1", false},
	"B pictures":               {"-profile:v main -preset veryfast -bf 3 -x264-params b-pyramid=strict", false},
	"interlaced":               {"-profile:v main -bf 0 -x264-params interlaced=1", false},
	"fake interlaced":          {"-profile:v main -bf 0 -x264-params fake-interlaced=1", false},
	"open GOP":                 {"-profile:v main -bf 2 -x264-params open-gop=1:keyint=20", false},
}

func TestNoFalseRepeats(t *testing.T) {
	for name, encoder := range encoders {
		t.Run(name, func(t *testing.T) {
			for scene, source := range scenes {
				options := strings.Fields(encoder.options)
				if !strings.Contains(encoder.options, "pix_fmt") {
					options = append(options, "-pix_fmt", "yuv420p")
				}
				n := compare(t, film(t, source, options...))
				t.Logf("%s: %v", scene, n)
				if scene == "still" && encoder.quiet && 10*n.repeats < 9*n.inter {
					t.Errorf("the still scene: %v", n)
				}
				if t.Failed() {
					t.Fatalf("in the scene %s", scene)
				}
			}
		})
	}
}

// TestOwnEncoder encodes a still scene with our own encoder. In its second half a small object moves every sixth frame.
func TestOwnEncoder(t *testing.T) {
	for _, preset := range []string{"", "ultrafast", "veryfast", "medium"} {
		for _, quality := range []int{0, 26} {
			e, err := codec.NewVideoEncoder(codec.VideoConfig{
				Codec: mixer.H264, Width: 320, Height: 180, FPS: 15, Bitrate: 500_000, Preset: preset, Quality: quality,
			})
			if err != nil {
				t.Fatal(err)
			}
			packets := encode(t, e, 120, func(n int) bool { return n >= 60 && n%6 == 0 })
			e.Close()
			var late repeat.Detector
			for i, p := range packets[1:50] {
				if late.Repeats(p.Data) {
					t.Errorf("%q: picture %d repeats without parameter sets", preset, i+1)
				}
			}
			n := compare(t, packets)
			t.Logf("%q, quality %d: %v", preset, quality, n)
			// In the second half four of six frames repeat the one before.
			if first := compare(t, packets[:60:60]); quality == 0 && (10*first.repeats < 9*first.inter || n.repeats < first.repeats+30) {
				t.Errorf("%q: %v in the first half, %v in all", preset, first, n)
			}
		}
	}
}

// encode encodes n frames of 15 a second, with a keyframe every 50.
func encode(t testing.TB, e *codec.VideoEncoder, n int, spot func(n int) bool) (all []mixer.Packet) {
	t.Helper()
	f, err := codec.NewFrame(320, 180)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range n {
		for x := 0; x < 320; x += 8 {
			f.Fill(image.Rect(x, 0, x+8, 180), codec.RGB(uint8(x/2), uint8(x%64), 90))
		}
		if spot(i) {
			f.Fill(image.Rect(2*i, 80, 2*i+8, 88), codec.RGB(250, 250, 250))
		}
		packets, err := e.Encode(f, time.Duration(i)*time.Second/15, i%50 == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, packets...)
	}
	return all
}
