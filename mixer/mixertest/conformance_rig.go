package mixertest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// limit is the longest time that a case waits for anything. A busy machine may need many seconds.
const limit = 15 * time.Second

// rig is a running hub and its engine.
type rig struct {
	*hub.Hub
	t      *testing.T
	engine hub.Engine
	end    func() // ends the hub and the engine, and then checks the order of all events; may be called twice
	events *eventLog
}

// eventLog keeps all events of an engine. Safe for concurrent use.
type eventLog struct {
	mu  sync.Mutex
	all []mixer.Event
}

func (l *eventLog) add(e mixer.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

func (l *eventLog) snapshot() []mixer.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]mixer.Event(nil), l.all...)
}

// ended returns how many renditions have ended.
func (l *eventLog) ended() (n int) {
	for _, e := range l.snapshot() {
		if _, ok := e.(mixer.Ended); ok {
			n++
		}
	}
	return n
}

// smallConfig returns the configuration of all cases that do not need another one. It has one rung.
func smallConfig() mixer.Config {
	return mixer.Config{Width: 160, Height: 90, FPS: 20, Bitrate: 400_000, Preset: "ultrafast", Rungs: []string{"90p"}, Labels: true}
}

// run starts a hub and its engine. Both end with the test.
func run(t *testing.T, start hub.Start, cfg mixer.Config) *rig {
	t.Helper()
	r := &rig{t: t, events: &eventLog{}}
	var err error
	r.Hub, err = hub.New(cfg, func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (_ hub.Engine, err error) {
		r.engine, err = start(cfg, func(e mixer.Event) { r.events.add(e); emit(e) }, log)
		return r.engine, err
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.end = running(t, r.Run, func() { checkOrder(t, r.events.snapshot()) })
	return r
}

// running calls run in a goroutine. end cancels the context of run, waits until run has returned, and calls after. A second call
// of end does nothing. The end of the test calls end.
func running(t *testing.T, run func(context.Context) error, after func()) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		after()
	})
	t.Cleanup(end)
	return end
}

// await polls until ok returns true. It fails the test after limit. what names the awaited state in the error.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, limit)
}

// raw is an engine without a hub. The test sends the commands itself.
type raw struct {
	hub.Engine
	t       *testing.T
	answers chan mixer.Answer
	events  *eventLog
	end     func()
}

// runRaw starts an engine without a hub. The engine ends with the test.
func runRaw(t *testing.T, start hub.Start) *raw {
	t.Helper()
	r := &raw{t: t, answers: make(chan mixer.Answer, 100), events: &eventLog{}}
	var err error
	r.Engine, err = start(smallConfig().WithDefaults(), func(e mixer.Event) {
		r.events.add(e)
		if a, ok := e.(mixer.Answer); ok {
			r.answers <- a
		}
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.end = running(t, r.Run, func() {})
	return r
}

// ask sends c, which must be a request with that id, and returns the error of the answer.
func (r *raw) ask(id mixer.RequestID, c mixer.Command) error {
	r.t.Helper()
	r.Send(c)
	select {
	case a := <-r.answers:
		if a.Request != id {
			r.t.Errorf("request %d was answered instead of %d", a.Request, id)
		}
		return a.Failure.Err()
	case <-time.After(limit):
		r.t.Fatalf("request %d: no answer within %v", id, limit)
		return nil
	}
}
