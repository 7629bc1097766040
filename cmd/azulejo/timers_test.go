package main

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// TestTimersMayBeLate: every thread has the timer slack of the constructor, also threads that Go starts later.
func TestTimersMayBeLate(t *testing.T) {
	const get, want = 30, 2_000_000 // PR_GET_TIMERSLACK, in nanoseconds (prctl(2))
	var all, here sync.WaitGroup
	here.Add(8)
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			here.Done()
			here.Wait()
			if slack, _, err := syscall.Syscall(syscall.SYS_PRCTL, get, 0, 0); slack != want {
				t.Errorf("the slack is %d ns, want %d (%v)", slack, want, err)
			}
		})
	}
	all.Wait()
}
