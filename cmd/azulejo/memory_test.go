package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"

	"azulejo/codec"
)

// TestMemoryOfFramesGoesBack: closing a frame returns its pages to the system at once, even if memory that was allocated
// later is still in use. In malloc's arena the pages would remain as holes. The test needs a process of its own, because
// malloc fills the holes of other tests first.
func TestMemoryOfFramesGoesBack(t *testing.T) {
	const fresh = "AZULEJO_TEST_FRESH"
	if os.Getenv(fresh) == "" {
		self := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		self.Env = append(os.Environ(), fresh+"=1")
		if output, err := self.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // Go's own memory stays as it is
	newFrame(t, 1280, 720).Close()                   // without a limit of ours, malloc keeps what is smaller than this from now on
	const n = 20
	var all [n]*codec.Frame
	before := anonymousMemory(t)
	for i := range all {
		all[i] = newFrame(t, 480, 320) // as much memory as a plane of chroma of 720p
	}
	full := anonymousMemory(t)
	for _, f := range all[:n-1] {
		f.Close()
	}
	defer all[n-1].Close()
	after := anonymousMemory(t)
	const size = 480 * 320 * 3 / 2
	if full-before < n*size {
		t.Errorf("%d frames took %d bytes, want %d at least", n, full-before, n*size)
	}
	if back := full - after; back < (n-1)*size*95/100 {
		t.Errorf("%d of %d bytes of frames went back", back, (n-1)*size)
	}
}

// newFrame writes to all pages of a frame.
func newFrame(t *testing.T, width, height int) *codec.Frame {
	t.Helper()
	f, err := codec.NewFrame(width, height)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), codec.RGB(0, 71, 171))
	return f
}

// anonymousMemory is how many bytes of the process's memory come from no file (proc_pid_smaps(5)).
func anonymousMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := bytes.Cut(text, []byte("\nAnonymous:"))
	var kib int
	if _, err := fmt.Sscanf(string(line), "%d kB", &kib); err != nil {
		t.Fatalf("read smaps_rollup: %v", err)
	}
	return kib << 10
}
