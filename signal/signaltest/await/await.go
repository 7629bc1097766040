// Package await lets tests wait for what must happen. Only tests may use it. It imports no package of this module, so
// that the tests of every package can use it.
package await

import (
	"context"
	"testing"
	"time"
)

// Patience is how long anything that a test waits for may take.
const Patience = 30 * time.Second

// Until polls ok until it returns true. It fails the test if that takes longer than Patience. Only the goroutine of the
// test may call it.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, Patience, what, ok)
}

// Within is like Until, with another limit in place of Patience.
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

// Running runs a function until the test ends, and fails the test for its error. The function ends before the test runs
// the cleanups that were registered before this call.
func Running(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
