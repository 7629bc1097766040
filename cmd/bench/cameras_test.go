package main

import (
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"azulejo/cmd/internal/cmdtest"
)

// TestCamerasPlayOn pulls both streams of the second camera over more than one pass of its Clip: times and the
// rate go on as if there were no end.
func TestCamerasPlayOn(t *testing.T) {
	main, err := readFootage(makeFootage(t, "320x180"))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := readFootage(makeFootage(t, "160x90"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := startCameras([]cameraClips{{main: main.Clip}, {main: main.Clip, sub: sub.Clip}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for stream, want := range map[string]*footage{"main": main, "sub": sub} {
		out := filepath.Join(t.TempDir(), stream+".mkv")
		// Fatal only: ffmpeg warns of what it pulls before the first sender report.
		cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "fatal", "-rtsp_transport", "tcp", "-i", c.url(2, stream), "-frames:v", "75", "-c", "copy", out)
		var got *footage
		if got, err = readFootage(out); err != nil {
			t.Fatal(err)
		}
		if got.width != want.width || len(got.Packets) < 60 || got.FPS() < 14 || got.FPS() > 16 {
			t.Errorf("%s: %d frames of %v; want 75 of %v", stream, len(got.Packets), got, want)
		}
	}
	text, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", c.url(1, "sub"), "-f", "null", "-").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "404") {
		t.Errorf("a stream that is not there: %v: %s", err, text)
	}
}
