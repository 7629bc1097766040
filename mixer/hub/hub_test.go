package hub

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"azulejo/mixer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a small engine: it records commands, answers requests unless it is silent, and emits what a test says.
type script struct {
	emit  func(mixer.Event)
	fails error // that requests are answered with

	mu       sync.Mutex
	silent   bool
	commands []mixer.Command
}

// Send records a command.
func (s *script) Send(c mixer.Command) {
	s.mu.Lock()
	s.commands = append(s.commands, c)
	silent := s.silent
	s.mu.Unlock()
	if silent {
		return
	}
	switch c := c.(type) {
	case mixer.Watch:
		s.emit(mixer.Answer{Request: c.Request, Failure: mixer.Fail(s.fails)})
	case mixer.Change:
		s.emit(mixer.Answer{Request: c.Request, Failure: mixer.Fail(s.fails)})
	case mixer.Listen:
		s.emit(mixer.Answer{Request: c.Request, Failure: mixer.Fail(s.fails)})
	}
}

// Run waits.
func (s *script) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// sent returns the commands since the last call, without media.
func (s *script) sent() (all []mixer.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		switch c.(type) {
		case mixer.WriteVideo, mixer.WriteAudio:
		default:
			all = append(all, c)
		}
	}
	s.commands = nil
	return all
}

// expect compares the commands since the last look with what they should be.
func (r *room) expect(what string, want ...mixer.Command) {
	r.t.Helper()
	if got := r.engine.sent(); !reflect.DeepEqual(got, want) {
		r.t.Errorf("%s: the engine got %+v, want %+v", what, got, want)
	}
}

// room is a hub with a script.
type room struct {
	*Hub
	t      *testing.T
	engine *script
	end    func()
}

// inRoom runs a test with a fake clock.
func inRoom(t *testing.T, test func(t *testing.T, r *room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t, engine: &script{}}
		var err error
		r.Hub, err = New(mixer.Config{}, func(_ mixer.Config, emit func(mixer.Event), _ *slog.Logger) (Engine, error) {
			r.engine.emit = emit
			return r.engine, nil
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		r.end = sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(r.end)
		test(t, r)
	})
}

// now is the time of the room.
func (r *room) now() time.Duration { return time.Since(r.Epoch()) }

// recorder is a sink that keeps all it gets: labels of packets, and layouts as "layout of N".
type recorder struct {
	mu      sync.Mutex
	all     []string
	packets []Packet
	at      []time.Time
}

func (s *recorder) WritePacket(p Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, label(p.Packet))
	s.packets = append(s.packets, p)
	s.at = append(s.at, time.Now())
}

// fresh returns what came since the last call, once all goroutines wait.
func (s *recorder) fresh() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.all, " ")
	s.all = nil
	return text
}

// newest is the packet that came last.
func (s *recorder) newest() Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets[len(s.packets)-1]
}

// rises demands that PTS rise.
func (s *recorder) rises(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.packets {
		if i > 0 && p.PTS <= s.packets[i-1].PTS {
			t.Errorf("packet %d, %s, at %v follows one at %v", i, label(p.Packet), p.PTS, s.packets[i-1].PTS)
		}
	}
}

// layoutRecorder is a recorder that wants layouts.
type layoutRecorder struct{ recorder }

func (s *layoutRecorder) WriteLayout(l *mixer.Layout, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, "layout:"+l.Tiles[0].ID)
}

// layoutOf shows one source.
func layoutOf(id string) *mixer.Layout { return &mixer.Layout{Tiles: []mixer.TileInfo{{ID: id}}} }

// label is what a packet of a test is called: its data behind the last #.
func label(p mixer.Packet) string {
	data := string(p.Data)
	return data[strings.LastIndexByte(data, '#')+1:]
}

// is compares what a sink got.
func (r *room) is(what string, s interface{ fresh() string }, want string) {
	r.t.Helper()
	if got := s.fresh(); got != want {
		r.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// encoded delivers a frame of a rendition now; labels of keyframes begin with K.
func (r *room) encoded(id mixer.RenditionID, name string) {
	r.engine.emit(mixer.Delivery{Rendition: id, Packets: []mixer.Packet{r.composed(name)}})
}

func (r *room) composed(name string) mixer.Packet {
	return mixer.Packet{Codec: mixer.H264, Key: strings.HasPrefix(name, "K"), PTS: r.now(), Data: []byte("#" + name)}
}

// watch subscribes to main as H264.
func (r *room) watch(s Sink) *VideoSubscription {
	r.t.Helper()
	sub, err := r.Watch(r.t.Context(), mixer.Watching{Codec: mixer.H264}, s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.engine.sent()
	return sub
}

// assignTo has the engine lead a subscription to a rendition that is never passed through.
func (r *room) assignTo(sub *VideoSubscription, id mixer.RenditionID, rungs ...mixer.Rung) {
	r.engine.emit(mixer.Assigned{
		Subscription: sub.id, Rendition: id, Rungs: rungs,
		Info: mixer.RenditionInfo{View: "v", Codec: mixer.H264, Size: mixer.Size{W: 320, H: 176}},
	})
}

func TestConfigsAreValidated(t *testing.T) {
	none := func(mixer.Config, func(mixer.Event), *slog.Logger) (Engine, error) {
		return nil, errors.New("no engine")
	}
	if _, err := New(mixer.Config{FPS: 1000}, none, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "mix.fps") {
		t.Errorf("a bad configuration: %v", err)
	}
	if _, err := New(mixer.Config{}, none, slog.New(slog.DiscardHandler)); err == nil || err.Error() != "no engine" {
		t.Errorf("an engine that does not start: %v", err)
	}
}

func TestViews(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		few := mixer.View{Capacity: 4}
		if err := r.SetView("few", few); err != nil {
			t.Fatal(err)
		}
		r.expect("a new view", mixer.SetView{Name: "few", View: few})
		if err := r.SetView("few", mixer.View{FPS: 1000}); err == nil || !strings.Contains(err.Error(), "fps") {
			t.Errorf("a bad view: %v", err)
		}
		r.expect("a bad view")
		views := r.Views()
		if len(views) != 2 || !reflect.DeepEqual(views["few"], few) {
			t.Errorf("the views are %v", views)
		}
		delete(views, "few") // the map is ours
		if !r.DeleteView("few") || r.DeleteView("few") {
			t.Error("the view was deleted not once")
		}
		r.expect("a deleted view", mixer.DeleteView{Name: "few"})
		if err := r.SetView(mixer.MainView, few); err != nil {
			t.Fatal(err)
		}
		if !r.DeleteView(mixer.MainView) || !reflect.DeepEqual(r.Views(), map[string]mixer.View{mixer.MainView: {}}) {
			t.Errorf("the views are %v, want the zero main", r.Views())
		}
	})
}

func TestOverloadIsRemembered(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		for _, level := range []int{3, 0} {
			r.engine.emit(mixer.Overloaded{Level: level})
			if r.Overload() != level {
				t.Errorf("the level is %d, want %d", r.Overload(), level)
			}
		}
	})
}

// TestAnswersAreMatched has several requests wait, and answers them in another order.
func TestAnswersAreMatched(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.engine.silent = true
		names := []string{"a", "b", "c"}
		errs := make([]error, len(names))
		for i, name := range names {
			go func() { _, errs[i] = r.Watch(t.Context(), mixer.Watching{Name: name}, &recorder{}) }()
		}
		var st mixer.Stats
		go func() { st, _ = r.Stats(t.Context()) }()
		synctest.Wait()
		requests := r.engine.sent()
		if len(requests) != 4 {
			t.Fatalf("%d requests", len(requests))
		}
		for _, c := range slices.Backward(requests) {
			switch c := c.(type) {
			case mixer.Watch:
				r.engine.emit(mixer.Answer{Request: c.Request, Failure: &mixer.Failure{Text: c.Watching.Name}})
				r.engine.emit(mixer.Answer{Request: c.Request, Failure: &mixer.Failure{Text: "again"}})
			case mixer.GetStats:
				r.engine.emit(mixer.Statistics{Request: c.Request, Stats: mixer.Stats{Ticks: 7}})
			}
		}
		r.engine.emit(mixer.Answer{Request: 12345})
		synctest.Wait()
		for i, name := range names {
			if errs[i] == nil || errs[i].Error() != name {
				t.Errorf("%s was answered %v", name, errs[i])
			}
		}
		if st.Ticks != 7 {
			t.Errorf("the statistics are %+v", st)
		}
	})
}

func TestARequestEndsWithItsContext(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.engine.silent = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		sub, err := r.Watch(ctx, mixer.Watching{Codec: mixer.H264}, &recorder{})
		if sub != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		commands := r.engine.sent()
		watch := commands[0].(mixer.Watch)
		if !slices.Contains(commands, mixer.Command(mixer.Unsubscribe{Subscription: watch.Subscription})) {
			t.Errorf("the subscription was left open: %v", commands)
		}
		r.engine.emit(mixer.Answer{Request: watch.Request}) // too late
		r.engine.emit(mixer.Assigned{Subscription: watch.Subscription, Rendition: 1})
		r.encoded(1, "K1")
		if _, err := r.Listen(ctx, mixer.Opus, 0, &recorder{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("listen: %v", err)
		}
		if _, err := r.Stats(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("statistics: %v", err)
		}
		if n := len(r.requests.pending); n != 0 {
			t.Errorf("%d requests are still waited for", n)
		}
	})
}

func TestRequestsEndWithTheEngine(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		sub := r.watch(&recorder{})
		r.engine.silent = true
		errs := make(chan error, 3)
		go func() { _, err := r.Stats(t.Context()); errs <- err }()
		go func() { errs <- sub.Change(t.Context(), mixer.Watching{}) }()
		go func() { _, err := r.Listen(t.Context(), mixer.Opus, 0, &recorder{}); errs <- err }()
		synctest.Wait()
		r.end()
		for range 3 {
			if err := <-errs; !errors.Is(err, mixer.ErrClosed) {
				t.Errorf("a request that waited: %v", err)
			}
		}
		if _, err := r.Stats(t.Context()); !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("a request after that: %v", err)
		}
	})
}

// TestStatsSayWhatSubscribersGet: the engine cannot know what is passed through.
func TestStatsSayWhatSubscribersGet(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		p := passing(r, mixer.RenditionInfo{View: "v", Codec: mixer.H264, Size: mixer.Size{W: 320, H: 176}, Profile: 66})
		p.start()
		r.engine.silent = true
		var st mixer.Stats
		go func() { st, _ = r.Stats(t.Context()) }()
		synctest.Wait()
		all := r.engine.sent()
		r.engine.emit(mixer.Statistics{Request: all[len(all)-1].(mixer.GetStats).Request, Stats: mixer.Stats{Renditions: []mixer.RenditionStats{
			{ID: 1, View: "main", Codec: mixer.H264, Width: 320, Height: 176, Sinks: 1, Skipped: 3}, {ID: 9, View: "other", Sinks: 2},
		}}})
		synctest.Wait()
		want := mixer.RenditionStats{ID: 1, View: "main", Codec: mixer.H264, Width: 160, Height: 96, Sinks: 1, Skipped: 3, Passed: true}
		if st.Renditions[0] != want || st.Renditions[1].Sinks != 2 {
			t.Errorf("the renditions are %+v, want %+v first", st.Renditions, want)
		}
	})
}
