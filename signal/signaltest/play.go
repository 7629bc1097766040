package signaltest

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/client"
)

// Play calls send with the given packets in real time, until the test ends or stop is called. The packets last one second
// and are repeated. stop returns after the last call of send has returned. An error of send fails the test, except for
// io.ErrClosedPipe.
func Play(t testing.TB, packets []mixer.Packet, send func(mixer.Packet) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Play(ctx, client.Loop(packets, time.Second), send) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
			t.Errorf("play: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
