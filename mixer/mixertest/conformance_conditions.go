package mixertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// conditions tests what an engine tells about a source: each change once, with the reported trouble while no video comes.
func conditions(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	var mu sync.Mutex
	var told []string
	src := r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: "a", FrozenAfter: time.Second}, ConditionChanged: func(c mixer.Condition) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, string(c.State)+" "+string(c.Reason)+" "+c.Detail)
		if c.Since.IsZero() {
			t.Error("a condition without a time")
		}
	}})
	t.Cleanup(src.Close)
	last := func(want string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(told) > 0 && strings.HasPrefix(told[len(told)-1], want)
		}
	}
	await(t, "connecting", last("connecting connecting "))
	src.ReportTrouble(mixer.Trouble{Reason: mixer.ReasonWrongPassword, Detail: "401"})
	await(t, "the reported trouble", last("connecting wrong-password 401"))
	if s := Source(t, r.Hub, src.ID()); s.State != mixer.Connecting || s.Reason != mixer.ReasonWrongPassword || s.Detail != "401" || s.Since.IsZero() {
		t.Errorf("the statistics say %+v", s)
	}
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "the reason on the tile", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		newest := len(v.layouts) - 1
		return newest >= 0 && len(v.layouts[newest].Tiles) == 1 && v.layouts[newest].Tiles[0].Reason == mixer.ReasonWrongPassword
	})
	packets := Video{Codec: mixer.H264, Width: 160, Height: 90, FPS: 20, Colour: red, Moves: true}.Packets(t)
	film := func(all []mixer.Packet) (stop func()) {
		quit, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; ; n++ {
				src.WriteVideo(0, all[n%len(all)])
				select {
				case <-quit:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		}()
		stop = sync.OnceFunc(func() { close(quit); <-done })
		t.Cleanup(stop)
		return stop
	}
	stop := film(packets)
	await(t, "live", last("live  "))
	src.ReportTrouble(mixer.Trouble{})
	stop()
	stop = film(packets[:1])
	await(t, "frozen", last("frozen frozen "))
	stop()
	await(t, "lost", last("lost no-data "))
	mu.Lock()
	defer mu.Unlock()
	for i := range told[1:] {
		if told[i] == told[i+1] {
			t.Errorf("told twice: %q", told[i])
		}
	}
}
