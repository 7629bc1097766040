// Package await is for tests only: it waits for what has to happen and to end. It imports nothing of ours, so that every
// package's own tests can use it.
package await

import (
	"context"
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

// Running runs something until the test ends, and fails the test for its error. What is cleaned up before it was
// begun later.
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
