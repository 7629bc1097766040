package camera

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
	"azulejo/signal/room"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// tray keeps what a feed delivers.
type tray struct {
	mu           sync.Mutex
	video, audio []mixer.Packet
}

func (t *tray) PutVideo(p mixer.Packet) { t.mu.Lock(); t.video = append(t.video, p); t.mu.Unlock() }
func (t *tray) PutAudio(p mixer.Packet) { t.mu.Lock(); t.audio = append(t.audio, p); t.mu.Unlock() }

// feedFor runs the feed of a URL for a while; ask asks for a key picture in the middle.
func feedFor(t *testing.T, url string, d time.Duration, ask bool) *tray {
	t.Helper()
	f, err := Config{Name: "Gate"}.open(url)
	if err != nil {
		t.Fatal(err)
	}
	before := codec.LiveFrames()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	refresh := make(chan struct{}, 1)
	if ask {
		time.AfterFunc(d/2, func() { refresh <- struct{}{} })
	}
	out := &tray{}
	if err := f.run(ctx, out, refresh); err != nil {
		t.Fatal(err)
	}
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d frames were not closed", n)
	}
	return out
}

func TestPatternMovesAndSounds(t *testing.T) {
	out := feedFor(t, "test:?w=320&h=180&fps=20&tone=500", 2*time.Second, true)
	if n := len(out.video); n < 30 || n > 42 {
		t.Errorf("%d pictures in two seconds at 20 a second", n)
	}
	keys := 0
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	means := map[codec.Colour]bool{}
	for _, p := range out.video {
		if p.Key {
			keys++
		}
		frames, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if f.Width() != 320 || f.Height() != 180 {
				t.Errorf("a picture of %dx%d", f.Width(), f.Height())
			}
			r := f.Bounds()
			r.Max.X, r.Min.Y = 40, 60
			means[f.Mean(r)] = true
			f.Close()
		}
	}
	if keys != 2 {
		t.Errorf("%d key pictures, want the first and the one asked for", keys)
	}
	if len(means) < 3 {
		t.Errorf("the picture stands still")
	}
	if got := loudestTone(t, out.audio, 300, 400, 500, 600, 700); got != 500 {
		t.Errorf("the loudest tone is %g Hz", got)
	}
}

// loudestTone decodes Opus packets and returns which of the tones is the strongest.
func loudestTone(t *testing.T, packets []mixer.Packet, tones ...float64) float64 {
	t.Helper()
	a, err := codec.NewAudioDecoder(packets[0].Codec, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var sound []int16
	for _, p := range packets {
		if sound, err = a.Decode(sound, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(sound) < mixer.SampleRate {
		t.Fatalf("only %d values of sound", len(sound))
	}
	best, level := 0.0, math.Inf(-1)
	for _, hz := range tones {
		if l := pcm.Goertzel(sound, mixer.SampleRate, hz); l > level {
			best, level = hz, l
		}
	}
	return best
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
	out := feedFor(t, "file:"+name, 2500*time.Millisecond, false)
	if n := len(out.video); n < 40 || n > 52 {
		t.Errorf("%d pictures in two and a half rounds of 20", n)
	}
	if got := loudestTone(t, out.audio, 400, 500, 600, 700); got != 600 {
		t.Errorf("the loudest tone is %g Hz", got)
	}
	f, err := Config{}.open("file:/no/such/file.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.run(t.Context(), out, nil); err == nil || !strings.Contains(err.Error(), "/no/such/file.mp4") {
		t.Errorf("a file that is not there gave %v", err)
	}
}

func TestBadURLsAreNamed(t *testing.T) {
	for _, url := range []string{"", "gate", "ftp://x/y", "file:", "test:?w=9", "test:?fps=abc", "test:?tone=1e9", "test:%zz"} {
		err := Config{Name: "Gate", URL: url}.Validate()
		if err == nil || !strings.Contains(err.Error(), "Gate") {
			t.Errorf("url %q gave %v, want an error that names the camera", url, err)
		}
	}
}

func TestBackoffGrowsToAMinute(t *testing.T) {
	for try, want := range map[int]time.Duration{0: time.Second, 4: time.Second, 5: 5 * time.Second, 10: 10 * time.Second, 20: time.Minute, 999: time.Minute} {
		if got := backoff(try); got != want {
			t.Errorf("try %d: pause %v, want %v", try, got, want)
		}
	}
}

// closedHouse lets nobody in.
type closedHouse struct{ asked chan struct{} }

func (h closedHouse) Join(context.Context, string, room.Joining) (*room.Member, error) {
	h.asked <- struct{}{}
	return nil, io.ErrUnexpectedEOF
}

func TestCameraTriesAgainUntilItsContextEnds(t *testing.T) {
	h := closedHouse{make(chan struct{})}
	c := New(Config{Room: "yard", Name: "Gate", URL: "test:"}, h, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	<-h.asked
	<-c.Tried()
	<-h.asked
	cancel(errors.New("enough"))
	<-done
}
