package feed

import (
	"bytes"
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, url string) Feed {
	t.Helper()
	spec, err := mixer.ParseFeed("Gate", url)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(spec)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// runFor returns the packets that the feed of a URL delivers in d, on a fake clock. With refresh a keyframe is asked for
// halfway.
func runFor(t *testing.T, url string, d time.Duration, refresh bool) (video, audio []mixer.Packet) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { video, audio = deliver(t, open(t, url), d, refresh) })
	return video, audio
}

func deliver(t *testing.T, f Feed, d time.Duration, refresh bool) (video, audio []mixer.Packet) {
	t.Helper()
	before := codec.LiveFrames()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	keyframe := make(chan struct{}, 1)
	if refresh {
		time.AfterFunc(d/2, func() { keyframe <- struct{}{} })
	}
	err := f.Run(ctx, func(p mixer.Packet) {
		if p.Codec.IsVideo() {
			video = append(video, p)
		} else {
			audio = append(audio, p)
		}
	}, keyframe)
	if err != nil {
		t.Fatal(err)
	}
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d frames were not closed", n)
	}
	return video, audio
}

func TestPatternMovesAndSounds(t *testing.T) {
	video, audio := runFor(t, "test:?w=320&h=180&fps=20&tone=500", 2*time.Second, true)
	if n := len(video); n < 40 || n > 42 {
		t.Errorf("%d frames in two seconds at 20 a second", n)
	}
	keys := 0
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	means := map[codec.Colour]bool{}
	for _, p := range video {
		if p.Key {
			keys++
		}
		frames, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if f.Width() != 320 || f.Height() != 180 {
				t.Errorf("a frame of %dx%d", f.Width(), f.Height())
			}
			r := f.Bounds()
			r.Max.X, r.Min.Y = 40, 60
			means[f.Mean(r)] = true
			f.Close()
		}
	}
	if keys != 2 {
		t.Errorf("%d keyframes, want the first and the one asked for", keys)
	}
	if len(means) < 3 {
		t.Errorf("the video stands still")
	}
	if got := codectest.LoudestTone(t, audio, 300, 400, 500, 600, 700); got != 500 {
		t.Errorf("the loudest tone is %g Hz", got)
	}
}

func TestFilePlaysInALoop(t *testing.T) {
	name := filepath.Join(t.TempDir(), "clip.mp4")
	cmd := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=20:duration=1",
		"-f", "lavfi", "-i", "sine=frequency=600:sample_rate=44100:duration=1", "-c:v", "libx264", "-bf", "2", "-c:a", "aac", name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("make a clip: %v: %s", err, stderr.String())
	}
	video, audio := runFor(t, "file:"+name, 2500*time.Millisecond, false)
	if n := len(video); n < 50 || n > 54 {
		t.Errorf("%d frames in two and a half rounds of 20, want 53: three are due at once, because of B-frames", n)
	}
	if got := codectest.LoudestTone(t, audio, 400, 500, 600, 700); got != 600 {
		t.Errorf("the loudest tone is %g Hz", got)
	}
	for _, p := range audio {
		if p.Codec != mixer.AAC || len(p.Config) < 2 {
			t.Fatalf("audio comes as %s with the configuration % x, want AAC with its own", p.Codec, p.Config)
		}
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	err := open(t, "file:/no/such/file.mp4").Run(t.Context(), func(mixer.Packet) {}, nil)
	if err == nil || !strings.Contains(err.Error(), "/no/such/file.mp4") {
		t.Errorf("a file that is not there gave %v", err)
	}
}
