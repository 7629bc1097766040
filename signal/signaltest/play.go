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

// Play sends one second of packets again and again, until the test ends or stop is called. stop waits for the sender.
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
