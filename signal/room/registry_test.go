package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/mixertest"
	"azulejo/signal/refusal"
	"azulejo/signal/signaltest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second // timeout of anything that has to happen

// open runs a registry with a small canvas until the test ends.
func open(t *testing.T, cfg Config) *Registry {
	t.Helper()
	cfg.Mixer = mixer.Config{Width: 64, Height: 64, FPS: 5}
	if cfg.Engine == nil {
		cfg.Engine = mixertest.Start
	}
	reg, err := NewRegistry(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	await.Running(t, reg.Run)
	return reg
}

func enter(t *testing.T, reg *Registry, room string, j Joining) *Member {
	t.Helper()
	m, err := reg.Join(t.Context(), room, j)
	if err != nil {
		t.Fatalf("join %s as %q: %v", room, j.Name, err)
	}
	t.Cleanup(m.Leave)
	return m
}

func publisher(name string) Joining {
	return Joining{Name: name, Publish: Media{Audio: true, Video: true}}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *refusal.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got error %v; want code %s", err, code)
	}
}

func names(all []Participant) string {
	var out []string
	for _, p := range all {
		out = append(out, p.Name)
	}
	return strings.Join(out, " ")
}

// nextEvent is the names of the participants in the next event.
func nextEvent(t *testing.T, m *Member) string {
	t.Helper()
	select {
	case e := <-m.Events():
		return names(e.Participants)
	case <-m.Done():
		t.Fatalf("membership ended: %v", m.Err())
	case <-time.After(soon):
		t.Fatal("no event came")
	}
	return ""
}

func TestEventsOfJoinsAndLeaves(t *testing.T) {
	reg := open(t, Config{})
	a := enter(t, reg, "yard", publisher("a"))
	b := enter(t, reg, "yard", publisher("b"))
	if got := names(b.Participants()); got != "a b" {
		t.Errorf("b found %q; want a b", got)
	}
	if got := nextEvent(t, a); got != "a b" {
		t.Errorf("a was sent %q; want a b", got)
	}
	viewer := enter(t, reg, "yard", Joining{})
	if viewer.Source() != 0 {
		t.Error("a viewer has a source: it would take a tile")
	}
	b.Mute(Media{Video: true})
	e := <-a.Events()
	if want := (Media{Video: true}); e.Participants[1].Muted != want {
		t.Errorf("b is muted as %+v; want %+v", e.Participants[1].Muted, want)
	}
	b.Leave()
	if got := nextEvent(t, a); got != "a" {
		t.Errorf("a was sent %q after b left; want a", got)
	}
	await.Within(t, soon, "the viewer gets the events of both changes", func() bool { return nextEvent(t, viewer) == "a" })
}

func TestSameKeyReclaimsItsPlace(t *testing.T) {
	reg := open(t, Config{Limits: Limits{Participants: 3}})
	mine := publisher("me")
	mine.Key = "secret"
	replaced := enter(t, reg, "yard", mine)
	other := enter(t, reg, "yard", publisher("other"))
	camera := enter(t, reg, "yard", Joining{Name: "gate", Key: "secret", Kind: Camera, Publish: Media{Video: true}})
	back := enter(t, reg, "yard", mine)
	<-replaced.Done()
	wantCode(t, replaced.Err(), CodeReplaced)
	if back.ID() != replaced.ID() || back.Source() != replaced.Source() {
		t.Errorf("id %s became %s; want the same id and source", replaced.ID(), back.ID())
	}
	if got := names(back.Participants()); got != "me other gate" {
		t.Errorf("places are %q; want me other gate", got)
	}
	replaced.Leave()
	if camera.Err() != nil || other.Err() != nil {
		t.Errorf("others were touched: %v, %v", camera.Err(), other.Err())
	}
	info, err := reg.Info("yard")
	if err != nil || len(info.Participants) != 3 {
		t.Errorf("after the replaced left: %d participants, %v; want 3", len(info.Participants), err)
	}
}

func TestSameKeyUnderAnotherName(t *testing.T) {
	reg := open(t, Config{Limits: Limits{Participants: 1}})
	replaced := enter(t, reg, "yard", Joining{Name: "old", Key: "k", Publish: Media{Video: true}})
	back := enter(t, reg, "yard", Joining{Name: "new", Key: "k", Publish: Media{Video: true}})
	wantCode(t, replaced.Err(), CodeReplaced)
	if got := names(back.Participants()); got != "new" || back.ID() != replaced.ID() {
		t.Errorf("found %q with id %s; want new with id %s", got, back.ID(), replaced.ID())
	}
	viewing := enter(t, reg, "yard", Joining{Key: "k"})
	wantCode(t, back.Err(), CodeReplaced)
	if got := names(viewing.Participants()); got != "" {
		t.Errorf("found %q after the only publisher came back as a viewer; want nobody", got)
	}
}

// TestPublisherBecomesViewer: its tile is removed, and the others get an event.
func TestPublisherBecomesViewer(t *testing.T) {
	reg := open(t, Config{})
	other := enter(t, reg, "yard", publisher("other"))
	mine := publisher("me")
	mine.Key = "k"
	replaced := enter(t, reg, "yard", mine)
	if got := nextEvent(t, other); got != "other me" {
		t.Fatalf("other was sent %q; want other me", got)
	}
	viewing := enter(t, reg, "yard", Joining{Name: "me", Key: "k"})
	if got := nextEvent(t, other); got != "other" {
		t.Errorf("other was sent %q; want itself alone", got)
	}
	if viewing.ID() != replaced.ID() {
		t.Errorf("id %s became %s", replaced.ID(), viewing.ID())
	}
	enter(t, reg, "yard", mine)
	if got := nextEvent(t, other); got != "other me" {
		t.Errorf("other was sent %q after the viewer published again; want other me", got)
	}
}

func TestKeyframeRequestsReachTheHolder(t *testing.T) {
	reg := open(t, Config{})
	j := publisher("me")
	j.Key = "k"
	replaced := enter(t, reg, "yard", j)
	var called string
	replaced.OnKeyframeRequest(func() { called += "replaced " })
	replaced.place.onKeyframeRequest()
	back := enter(t, reg, "yard", j)
	back.place.onKeyframeRequest() // no function is set yet
	back.OnKeyframeRequest(func() { called += "back " })
	back.place.onKeyframeRequest()
	if called != "replaced back " {
		t.Errorf("called %q; want replaced, then back", called)
	}
}

func TestLimits(t *testing.T) {
	reg := open(t, Config{Limits: Limits{Rooms: 2, Participants: 2, Viewers: 1}})
	a := enter(t, reg, "one", publisher("a"))
	enter(t, reg, "one", publisher("b"))
	join := func(room string, j Joining) error {
		m, err := reg.Join(t.Context(), room, j)
		if err == nil {
			t.Cleanup(m.Leave)
		}
		return err
	}
	wantCode(t, join("one", publisher("c")), CodeFull)
	if err := join("one", Joining{}); err != nil {
		t.Errorf("a viewer of a full room: %v", err)
	}
	wantCode(t, join("one", Joining{}), CodeViewers)
	enter(t, reg, "two", publisher("d"))
	wantCode(t, join("three", publisher("e")), CodeRooms)
	wantCode(t, join("a b", publisher("e")), CodeBadRoom)
	wantCode(t, join("one", publisher("")), CodeBadName)
	long := publisher("x")
	long.Key = strings.Repeat("k", 257)
	wantCode(t, join("one", long), CodeBadKey)
	a.Leave()
	enter(t, reg, "one", publisher("c"))
}

func TestCamerasHaveNamesOfTheirOwn(t *testing.T) {
	reg := open(t, Config{})
	gate := Joining{Name: "gate", Kind: Camera, Publish: Media{Video: true}}
	enter(t, reg, "one", gate)
	enter(t, reg, "one", publisher("gate"))
	_, err := reg.Join(t.Context(), "one", gate)
	wantCode(t, err, CodeNameTaken)
}

// TestACameraComesBackWithASubStream: the camera's own place does not take its name away from it.
func TestACameraComesBackWithASubStream(t *testing.T) {
	reg := open(t, Config{})
	gate := Joining{Name: "gate", Key: "camera/gate", Kind: Camera, Publish: Media{Video: true}, Layers: 1}
	enter(t, reg, "one", gate)
	gate.Layers = 2
	enter(t, reg, "one", gate)
	if got := order(settle(t, reg, "one")); got != "gate" {
		t.Errorf("the room has %q, want gate once", got)
	}
}

// deafEngine takes commands and answers none.
type deafEngine struct{}

func (deafEngine) Send(mixer.Command) {}

func (deafEngine) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestARoomIsListedThoughItsEngineDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{Engine: func(mixer.Config, func(mixer.Event), *slog.Logger) (hub.Engine, error) { return deafEngine{}, nil }})
		enter(t, reg, "yard", publisher("a"))
		all := reg.List()
		if len(all) != 1 || all[0].Room != "yard" || order(all[0]) != "a" {
			t.Errorf("the list is %+v, want the yard with a", all)
		}
	})
}

func TestEmptyRoomsClose(t *testing.T) {
	reg := open(t, Config{Rooms: map[string]Settings{"hall": {}}})
	await.Within(t, soon, "the configured room is there", func() bool { return len(reg.List()) == 1 })
	m := enter(t, reg, "yard", publisher("a"))
	if got := len(reg.List()); got != 2 {
		t.Fatalf("%d rooms; want 2", got)
	}
	m.Leave()
	await.Within(t, soon, "only the configured room is left", func() bool {
		all := reg.List()
		return len(all) == 1 && all[0].Room == "hall" && all[0].Configured
	})
	_, err := reg.Info("yard")
	wantCode(t, err, CodeNoSuchRoom)
	enter(t, reg, "hall", publisher("a")).Leave()
	if _, err := reg.Info("hall"); err != nil {
		t.Errorf("the configured room closed: %v", err)
	}
}

func TestSlowMemberIsRemoved(t *testing.T) {
	reg := open(t, Config{})
	slow := enter(t, reg, "yard", publisher("slow"))
	quick := enter(t, reg, "yard", publisher("quick"))
	for i := range backlog + 1 {
		quick.Mute(Media{Audio: i%2 == 0})
		<-quick.Events()
	}
	<-slow.Done()
	wantCode(t, slow.Err(), CodeSlow)
	await.Within(t, soon, "the slow one is gone", func() bool {
		info, err := reg.Info("yard")
		return err == nil && len(info.Participants) == 1
	})
	if quick.Err() != nil {
		t.Errorf("the quick one ended with %v", quick.Err())
	}
}

func TestRegistryEndsMemberships(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reg, err := NewRegistry(Config{Engine: mixertest.Start, Mixer: mixer.Config{Width: 64, Height: 64, FPS: 5}}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- reg.Run(ctx) }()
	m, err := reg.Join(ctx, "yard", publisher("a"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-m.Done()
	wantCode(t, m.Err(), CodeClosing)
	select {
	case early := <-done:
		t.Errorf("the registry ended (%v) before its member left", early)
	default:
	}
	m.Leave()
	m.Leave()
	if err = <-done; err != nil {
		t.Error(err)
	}
	_, err = reg.Join(t.Context(), "yard", publisher("b"))
	wantCode(t, err, CodeClosing)
}

// TestManyComeAndGo has members of two rooms join and leave at once, for the race detector and goleak. All rooms are
// closed in the end.
func TestManyComeAndGo(t *testing.T) {
	reg := open(t, Config{})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 10 {
				j := publisher(fmt.Sprint("p", i))
				j.Key = fmt.Sprint("k", i%8)
				m, err := reg.Join(t.Context(), fmt.Sprint("room", n%2), j)
				if err != nil {
					t.Errorf("join: %v", err)
					return
				}
				m.Mute(Media{Audio: true})
				m.Leave()
			}
		})
	}
	all.Wait()
	await.Within(t, soon, "all rooms are empty", func() bool { return len(reg.List()) == 0 })
}

func TestInfo(t *testing.T) {
	reg := open(t, Config{})
	enter(t, reg, "yard", publisher("a"))
	enter(t, reg, "yard", Joining{})
	got, err := reg.Info("yard")
	if err != nil {
		t.Fatal(err)
	}
	if got.Viewers != 1 || len(got.Participants) != 1 || got.Participants[0].State != mixer.Connecting {
		t.Errorf("got %+v; want one viewer and one participant that is connecting", got)
	}
	want := []ViewInfo{{"main", mixer.View{Layout: "grid", Width: 64, Height: 64, FPS: 5}}}
	if diff := cmp.Diff(want, got.Views); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

func manyViews(n int) map[string]mixer.View {
	views := map[string]mixer.View{}
	for i := range n {
		views[fmt.Sprint("v", i)] = mixer.View{}
	}
	return views
}

func TestConfigNamesTheBadField(t *testing.T) {
	for want, cfg := range map[string]Config{
		"limits.rooms":                       {Limits: Limits{Rooms: -1}},
		"limits.participants":                {Limits: Limits{Participants: 65}},
		`rooms.a b: room "a b"`:              {Rooms: map[string]Settings{"a b": {}}},
		`rooms.yard.mode: "sfu"`:             {Rooms: map[string]Settings{"yard": {Mode: "sfu"}}},
		`rooms.yard.mode: "mesh"`:            {Rooms: map[string]Settings{"yard": {Mode: Mesh, Cameras: []string{"gate"}}}},
		`rooms.yard.record[0]: "gate"`:       {Rooms: map[string]Settings{"yard": {Record: []string{"gate"}}}},
		`rooms.yard.record[1]: "main" twice`: {Rooms: map[string]Settings{"yard": {Record: []string{"main", "main"}}}},
		`rooms.yard.record[1]: "gate": accepted are views of the room: main, door`: {
			Rooms: map[string]Settings{"yard": {Record: []string{"door", "gate"}, Views: map[string]mixer.View{"door": {}, "main": {}}}},
		},
		`rooms.yard.views.a b: view "a b"`:     {Rooms: map[string]Settings{"yard": {Views: map[string]mixer.View{"a b": {}}}}},
		`rooms.yard.views.door.layout: "heap"`: {Rooms: map[string]Settings{"yard": {Views: map[string]mixer.View{"door": {Layout: "heap"}}}}},
		`rooms.yard.views.door.tiles[0].w: 2`: {Rooms: map[string]Settings{"yard": {Views: map[string]mixer.View{
			"door": {Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{W: 2}}},
		}}}},
		"rooms.yard.views: 65": {Rooms: map[string]Settings{"yard": {Views: manyViews(65)}}},
		"grace: -1ns":          {Grace: -1},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("got %v; want an error that begins with %s and names what is accepted", err, want)
		}
	}
}

func TestAudioAloneShowsAPlaceholder(t *testing.T) {
	reg := open(t, Config{})
	enter(t, reg, "yard", Joining{Name: "Ana", Publish: Media{Audio: true}})
	info, err := reg.Info("yard")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Participants[0].State; got != mixer.Muted {
		t.Errorf("state %s, want %s: there is no video to wait for", got, mixer.Muted)
	}
}
