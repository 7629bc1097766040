// Package codectest makes and measures streams of mixer.Packet values. Tests of several packages use it.
package codectest

import (
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// Film returns the packets of a video that the system's ffmpeg encodes with libx264. source is the lavfi source that ffmpeg
// reads, such as "testsrc2=duration=1". options are additional output options of ffmpeg.
func Film(t testing.TB, source string, options ...string) []mixer.Packet {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mp4")
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264"}, options...)
	if out, err := exec.Command("ffmpeg", append(args, name)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	return ReadFile(t, name)
}

// ReadFile returns the packets of a media file.
func ReadFile(t testing.TB, name string) (all []mixer.Packet) {
	t.Helper()
	f, err := codec.OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// Encode returns the packets of n frames that azulejo's own encoder makes. Every gop frames there is a keyframe. draw draws frame
// i; it gets the frame before it, or an undefined one. Nil: all frames are undefined.
func Encode(t testing.TB, cfg codec.VideoConfig, n, gop int, draw func(f *codec.Frame, i int)) (all []mixer.Packet) {
	t.Helper()
	e, err := codec.NewVideoEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(cfg.Width, cfg.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range n {
		if draw != nil {
			draw(f, i)
		}
		packets, err := e.Encode(f, time.Duration(i)*time.Second/time.Duration(cfg.FPS), i%gop == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, packets...)
	}
	return all
}
