package mixertest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// awaitLimit is how long a case waits for something to happen. A busy machine may need much of it.
const awaitLimit = 15 * time.Second

// rig is a running hub and its engine.
type rig struct {
	*hub.Hub
	t      *testing.T
	engine hub.Engine
	stop   func() // stops both and waits for them; only the first call has an effect
	events *eventLog
}

// eventLog keeps the events of an engine.
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

// canvas returns the configuration of the cases that do not need another one. It has one rung.
func canvas() mixer.Config {
	return mixer.Config{Width: 160, Height: 90, FPS: 20, Bitrate: 400_000, Preset: "ultrafast", Rungs: []string{"90p"}, Labels: true}
}

// run starts a hub that runs until the test ends.
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
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// await polls until ok returns true. It fails the test after awaitLimit.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(awaitLimit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, awaitLimit)
}

// noFrames checks that all frames are closed when the test and its subtests have ended.
func noFrames(t *testing.T) {
	t.Helper()
	before := codec.LiveFrames()
	t.Cleanup(func() {
		if n := codec.LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
}

// rawEngine is an engine that gets its commands from the test and not from a hub.
type rawEngine struct {
	hub.Engine
	t       *testing.T
	answers chan mixer.Answer
	stop    func() // stops the engine and waits for it; only the first call has an effect
}

// runEngine starts an engine that runs until the test ends. It keeps only the answers of the engine's events.
func runEngine(t *testing.T, start hub.Start) *rawEngine {
	t.Helper()
	r := &rawEngine{t: t, answers: make(chan mixer.Answer, 100)}
	var err error
	r.Engine, err = start(canvas().WithDefaults(), func(e mixer.Event) {
		if a, ok := e.(mixer.Answer); ok {
			r.answers <- a
		}
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// request sends a request and returns the error in its answer.
func (r *rawEngine) request(id mixer.RequestID, c mixer.Command) error {
	r.t.Helper()
	r.Send(c)
	select {
	case a := <-r.answers:
		if a.Request != id {
			r.t.Errorf("request %d was answered instead of %d", a.Request, id)
		}
		return a.Failure.Err()
	case <-time.After(awaitLimit):
		r.t.Fatalf("request %d: no answer within %v", id, awaitLimit)
		return nil
	}
}
