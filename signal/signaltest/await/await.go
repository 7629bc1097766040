// Package await is for tests only: it waits for what has to happen. It imports nothing, so that every package's own
// tests can use it.
package await

import (
	"testing"
	"time"
)

// Patience is how long anything that has to happen may take.
const Patience = 30 * time.Second

// Until polls until ok, and fails the test when that takes longer than Patience. The test's own goroutine calls it.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, Patience, what, ok)
}

// Within is Until with another patience.
func Within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}
