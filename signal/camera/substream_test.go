package camera

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/signaltest/await"
)

// sizer is a camera's membership that records the size of the newest keyframe of each layer.
type sizer struct {
	mu      sync.Mutex
	sizes   [2]string
	newest  [2]time.Time // when the last video packet came
	decoder [2]*codec.VideoDecoder
	broken  error
}

func newSizer(t *testing.T) *sizer {
	t.Helper()
	s := &sizer{}
	for i := range s.decoder {
		d, err := codec.NewVideoDecoder(mixer.H264, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.decoder[i] = d
		t.Cleanup(d.Close)
	}
	return s
}

// WriteVideo decodes keyframes only: each of them can be decoded alone.
func (s *sizer) WriteVideo(layer int, p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest[layer] = time.Now()
	if !p.Key {
		return
	}
	frames, err := s.decoder[layer].Decode(p)
	if err != nil {
		s.broken = err
	}
	for _, f := range frames {
		s.sizes[layer] = fmt.Sprintf("%dx%d", f.Width(), f.Height())
		f.Close()
	}
}

func (s *sizer) WriteAudio(mixer.Packet) {}

func (s *sizer) ReportTrouble(mixer.Trouble) {}

// only tells whether frames of that size come from that layer, and none from the other.
func (s *sizer) only(layer int, size string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.newest[layer]) < 200*time.Millisecond && time.Since(s.newest[1-layer]) > 500*time.Millisecond &&
		s.sizes[layer] == size
}

// pullFrom runs the streams of a camera until the test ends.
func pullFrom(t *testing.T, cfg Config) (*streams, *sizer) {
	t.Helper()
	before := codec.LiveFrames()
	out := newSizer(t)
	s := newStreams(cfg, out, startFeed, newStatus(), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if out.broken != nil {
			t.Error(out.broken)
		}
		if n := codec.LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
	return s, out
}

// TestRTSPSubStream: the pulled stream follows the demand. Two sessions play only during a change.
func TestRTSPSubStream(t *testing.T) {
	main, mainURL := startRelay(t)
	sub, subURL := startRelay(t)
	publishRTSP(t, main, mainURL, []string{"libx264", "-preset", "ultrafast", "-bf", "0", "-vf", "scale=320:180"}, []string{"aac"})
	publishRTSP(t, sub, subURL, []string{"libx264", "-preset", "ultrafast", "-bf", "0"}, []string{"aac"})
	s, out := pullFrom(t, Config{Name: "Gate", URL: mainURL, SubURL: subURL, Audio: AudioTrue})
	sessions := func(wantMain, wantSub int) func() bool {
		return func() bool {
			m, _ := main.readers()
			n, _ := sub.readers()
			return m == wantMain && n == wantSub
		}
	}
	await.Until(t, "the sub-stream alone", func() bool { return out.only(1, "160x90") && sessions(0, 1)() })
	s.demand(mixer.Demand{Width: 320, Height: 180, Layer: 0})
	await.Until(t, "both, while the main stream starts", sessions(1, 1))
	await.Until(t, "the main stream alone", func() bool { return out.only(0, "320x180") && sessions(1, 0)() })
	s.demand(mixer.Demand{Width: 80, Height: 45, Layer: 1})
	await.Until(t, "both, while the sub-stream starts", sessions(1, 1))
	await.Until(t, "the sub-stream alone again", func() bool { return out.only(1, "160x90") && sessions(0, 1)() })
	if _, n := main.readers(); n != 1 {
		t.Errorf("the main stream was played %d times; want once", n)
	}
	if _, n := sub.readers(); n != 2 {
		t.Errorf("the sub-stream was played %d times; want twice", n)
	}
}

// TestFilesAndPatterns: a sub-stream may be a file, and the main stream replaces it while the file is missing.
func TestFilesAndPatterns(t *testing.T) {
	dir := t.TempDir()
	clip, missing := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "later.mp4")
	if out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=20:duration=2",
		"-c:v", "libx264", "-g", "10", "-bf", "0", clip).CombinedOutput(); err != nil {
		t.Fatalf("make a clip: %v: %s", err, out)
	}
	s, out := pullFrom(t, Config{Name: "Gate", URL: "test:?w=320&h=180&fps=10", SubURL: "file:" + missing})
	await.Until(t, "the pattern, because the file is missing", func() bool { return out.only(0, "320x180") })
	if err := os.Rename(clip, missing); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the file", func() bool { return out.only(1, "160x90") })
	s.demand(mixer.Demand{Width: 320, Height: 180})
	await.Until(t, "the pattern, because it is wanted", func() bool { return out.only(0, "320x180") })
}
