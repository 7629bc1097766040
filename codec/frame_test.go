package codec

import (
	"runtime"
	"syscall"
	"testing"
)

// TestCopiesOfASharedFrameUseTheSameMemory: a canvas that an encoder still reads is copied up to 25 times a second. The copy
// must not fetch its pages from the system each time.
func TestCopiesOfASharedFrameUseTheSameMemory(t *testing.T) {
	noLeak(t)
	f := colourBars(t, 1280, 720, 0)
	defer f.Close()
	share := func() {
		g := f.Ref()
		defer g.Close()
		if err := f.MakeWritable(); err != nil {
			t.Fatal(err)
		}
		if f.Mean(f.Bounds()) != g.Mean(g.Bounds()) {
			t.Fatal("the copy shows something else")
		}
		f.Fill(f.Bounds(), RGB(0, 71, 171))
	}
	share() // the first copies replace memory that is not of the pool
	share()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := pageFaults(t)
	for range 20 {
		share()
	}
	pages := int64(1280 * 720 * 3 / 2 / syscall.Getpagesize())
	if n := pageFaults(t) - before; n > pages {
		t.Errorf("20 copies of a frame of %d pages fetched %d from the system", pages, n)
	}
}

// pageFaults counts the pages that this thread has fetched.
func pageFaults(t *testing.T) int64 {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD, getrusage(2)
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return u.Minflt
}
