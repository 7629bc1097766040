package mixertest

import (
	"testing"

	"azulejo/codec"
)

// CheckFrames fails the test if any codec.Frame of the process has not been closed. Call it after everything has ended.
func CheckFrames(t testing.TB) {
	t.Helper()
	if n := codec.LiveFrames(); n != 0 {
		t.Errorf("%d frames are alive after everything has ended", n)
	}
}
