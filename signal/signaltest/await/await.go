// Package await lets tests wait for a condition. Only tests may use it. It imports no package of this module, so that the
// tests of every package can import it.
package await

import (
	"context"
	"testing"
	"time"
)

// Patience is the longest time that a test waits for one condition.
const Patience = 30 * time.Second

// Until calls ok every 10 ms until ok returns true. It ends the test if that takes longer than Patience; what then
// describes the condition in the error. Only the goroutine of the test may call Until.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, Patience, what, ok)
}

// Within does the same as Until, with the time limit patience.
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

// Running starts a goroutine that calls run. When the test ends, a cleanup cancels the context and waits for run. If run
// returns an error, the test fails. Cleanups that were registered before this call execute after run has returned.
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
