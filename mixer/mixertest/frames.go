package mixertest

import (
	"testing"

	"azulejo/codec"
)

// CheckFrames fails the test if a frame of the process is still alive.
func CheckFrames(t testing.TB) {
	t.Helper()
	if n := codec.LiveFrames(); n != 0 {
		t.Errorf("%d frames are alive after everything has ended", n)
	}
}
