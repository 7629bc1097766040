package main

import (
	"strings"
	"testing"
)

// TestLoadBenchNamesTheBench: the bench was a command of this program.
func TestLoadBenchNamesTheBench(t *testing.T) {
	for _, args := range [][]string{{}, {"--only", "wall", "film.mp4"}} {
		_, stderr, code := command(t, nil, append([]string{"load", "bench"}, args...)...)
		if code != 2 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "run scripts/bench") {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}
