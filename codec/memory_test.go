package codec

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"
)

// TestMemoryOfPicturesGoesBack at once, whatever lies behind them: in malloc's arena they would leave holes. It needs a
// process of its own: malloc fills the holes of other tests first.
func TestMemoryOfPicturesGoesBack(t *testing.T) {
	const fresh = "AZULEJO_TEST_FRESH"
	if os.Getenv(fresh) == "" {
		self := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		self.Env = append(os.Environ(), fresh+"=1")
		if said, err := self.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	noLeak(t)
	const n = 20
	var all [n]*Frame
	var memory [n]uintptr
	for i := range all {
		all[i] = colourBars(t, 480, 320, 0) // as large as a plane of chroma of 720p
		memory[i] = uintptr(unsafe.Pointer(&all[i].planes()[0].pix[0]))
		if !mapped(memory[i]) {
			t.Error("a picture has no memory")
		}
	}
	for i := range n - 1 {
		all[i].Close()
	}
	defer all[n-1].Close()
	for i, at := range memory[:n-1] {
		if mapped(at) {
			t.Errorf("the memory of picture %d is still there", i)
		}
	}
}

// mapped tells whether the page at an address is this process's (mincore(2)).
func mapped(at uintptr) bool {
	var in byte
	page := uintptr(os.Getpagesize())
	_, _, err := syscall.Syscall(syscall.SYS_MINCORE, at&^(page-1), page, uintptr(unsafe.Pointer(&in)))
	return err == 0
}
