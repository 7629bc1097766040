// Package codectest makes and judges streams for the tests of packages that handle mixer.Packet values.
package codectest

import (
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
)

// Film has the system's ffmpeg encode a source of lavfi with libx264. options are further options of libx264.
func Film(t testing.TB, source string, options ...string) (all []mixer.Packet) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mp4")
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264"}, options...)
	if out, err := exec.Command("ffmpeg", append(args, name)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
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
