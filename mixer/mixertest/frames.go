package mixertest

import (
	"testing"

	"azulejo/codec"
)

// CheckFrames fails the test if any frame in this process is not closed yet.
func CheckFrames(t testing.TB) {
	t.Helper()
	if n := codec.LiveFrames(); n != 0 {
		t.Errorf("%d frames are alive after everything has ended", n)
	}
}
