package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/refusal"
	"azulejo/signal/signaltest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second // for anything that has to happen

// open runs a registry with a small canvas until the test ends.
func open(t *testing.T, cfg Config) *Registry {
	t.Helper()
	cfg.Mixer = mixer.Config{Width: 64, Height: 64, FPS: 5}
	cfg.Engine = mixertest.Start
	h, err := NewRegistry(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	await.Running(t, h.Run)
	return h
}

func enter(t *testing.T, h *Registry, room string, j Joining) *Member {
	t.Helper()
	m, err := h.Join(t.Context(), room, j)
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

// nextEvent is the next event's names.
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

func TestMembersHearOfEachOther(t *testing.T) {
	h := open(t, Config{})
	a := enter(t, h, "yard", publisher("a"))
	b := enter(t, h, "yard", publisher("b"))
	if got := names(b.Participants()); got != "a b" {
		t.Errorf("b found %q; want a b", got)
	}
	if got := nextEvent(t, a); got != "a b" {
		t.Errorf("a heard of %q; want a b", got)
	}
	viewer := enter(t, h, "yard", Joining{})
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
		t.Errorf("a heard of %q after b left; want a", got)
	}
	await.Within(t, soon, "the viewer hears of both changes", func() bool { return nextEvent(t, viewer) == "a" })
}

func TestSameKeyTakesItsPlaceBack(t *testing.T) {
	h := open(t, Config{Limits: Limits{Participants: 3}})
	mine := publisher("me")
	mine.Key = "secret"
	ghost := enter(t, h, "yard", mine)
	other := enter(t, h, "yard", publisher("other"))
	camera := enter(t, h, "yard", Joining{Name: "gate", Key: "secret", Kind: Camera, Publish: Media{Video: true}})
	back := enter(t, h, "yard", mine)
	<-ghost.Done()
	wantCode(t, ghost.Err(), CodeReplaced)
	if back.ID() != ghost.ID() || back.Source() != ghost.Source() {
		t.Errorf("id %s became %s; want the same id and source", ghost.ID(), back.ID())
	}
	if got := names(back.Participants()); got != "me other gate" {
		t.Errorf("places are %q; want me other gate", got)
	}
	ghost.Leave()
	if camera.Err() != nil || other.Err() != nil {
		t.Errorf("others were touched: %v, %v", camera.Err(), other.Err())
	}
	info, err := h.Info("yard")
	if err != nil || len(info.Participants) != 3 {
		t.Errorf("after the ghost left: %d participants, %v; want 3", len(info.Participants), err)
	}
}

func TestSameKeyUnderAnotherName(t *testing.T) {
	h := open(t, Config{Limits: Limits{Participants: 1}})
	ghost := enter(t, h, "yard", Joining{Name: "old", Key: "k", Publish: Media{Video: true}})
	back := enter(t, h, "yard", Joining{Name: "new", Key: "k", Publish: Media{Video: true}})
	wantCode(t, ghost.Err(), CodeReplaced)
	if got := names(back.Participants()); got != "new" || back.ID() != ghost.ID() {
		t.Errorf("found %q with id %s; want new with id %s", got, back.ID(), ghost.ID())
	}
	viewing := enter(t, h, "yard", Joining{Key: "k"})
	wantCode(t, back.Err(), CodeReplaced)
	if got := names(viewing.Participants()); got != "" {
		t.Errorf("found %q after the only publisher came back as a viewer; want nobody", got)
	}
}

// TestPublisherBecomesViewer: the tile is gone, and the others are told so.
func TestPublisherBecomesViewer(t *testing.T) {
	h := open(t, Config{})
	other := enter(t, h, "yard", publisher("other"))
	mine := publisher("me")
	mine.Key = "k"
	ghost := enter(t, h, "yard", mine)
	if got := nextEvent(t, other); got != "other me" {
		t.Fatalf("heard of %q; want other me", got)
	}
	viewing := enter(t, h, "yard", Joining{Name: "me", Key: "k"})
	if got := nextEvent(t, other); got != "other" {
		t.Errorf("heard of %q; want other alone", got)
	}
	if viewing.ID() != ghost.ID() {
		t.Errorf("id %s became %s", ghost.ID(), viewing.ID())
	}
	enter(t, h, "yard", mine)
	if got := nextEvent(t, other); got != "other me" {
		t.Errorf("heard of %q after the viewer published again; want other me", got)
	}
}

func TestRefreshReachesTheOneWhoIsThere(t *testing.T) {
	h := open(t, Config{})
	j := publisher("me")
	j.Key = "k"
	ghost := enter(t, h, "yard", j)
	var asked string
	ghost.OnRefresh(func() { asked += "ghost " })
	ghost.place.refresh()
	back := enter(t, h, "yard", j)
	back.place.refresh() // nobody to ask yet
	back.OnRefresh(func() { asked += "back " })
	back.place.refresh()
	if asked != "ghost back " {
		t.Errorf("asked %q; want ghost, then back", asked)
	}
}

func TestLimits(t *testing.T) {
	h := open(t, Config{Limits: Limits{Rooms: 2, Participants: 2, Viewers: 1}})
	a := enter(t, h, "one", publisher("a"))
	enter(t, h, "one", publisher("b"))
	join := func(room string, j Joining) error {
		m, err := h.Join(t.Context(), room, j)
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
	enter(t, h, "two", publisher("d"))
	wantCode(t, join("three", publisher("e")), CodeRooms)
	wantCode(t, join("a b", publisher("e")), CodeBadRoom)
	wantCode(t, join("one", publisher("")), CodeBadName)
	long := publisher("x")
	long.Key = strings.Repeat("k", 257)
	wantCode(t, join("one", long), CodeBadKey)
	a.Leave()
	enter(t, h, "one", publisher("c"))
}

func TestCamerasHaveNamesOfTheirOwn(t *testing.T) {
	h := open(t, Config{})
	gate := Joining{Name: "gate", Kind: Camera, Publish: Media{Video: true}}
	enter(t, h, "one", gate)
	enter(t, h, "one", publisher("gate"))
	_, err := h.Join(t.Context(), "one", gate)
	wantCode(t, err, CodeNameTaken)
}

func TestEmptyRoomsClose(t *testing.T) {
	h := open(t, Config{Rooms: map[string]Settings{"hall": {}}})
	await.Within(t, soon, "the configured room is there", func() bool { return len(h.List()) == 1 })
	m := enter(t, h, "yard", publisher("a"))
	if got := len(h.List()); got != 2 {
		t.Fatalf("%d rooms; want 2", got)
	}
	m.Leave()
	await.Within(t, soon, "only the configured room is left", func() bool {
		all := h.List()
		return len(all) == 1 && all[0].Room == "hall" && all[0].Configured
	})
	_, err := h.Info("yard")
	wantCode(t, err, CodeNoSuchRoom)
	enter(t, h, "hall", publisher("a")).Leave()
	if _, err := h.Info("hall"); err != nil {
		t.Errorf("the configured room closed: %v", err)
	}
}

func TestSlowMemberIsParted(t *testing.T) {
	h := open(t, Config{})
	slow := enter(t, h, "yard", publisher("slow"))
	quick := enter(t, h, "yard", publisher("quick"))
	for i := range backlog + 1 {
		quick.Mute(Media{Audio: i%2 == 0})
		<-quick.Events()
	}
	<-slow.Done()
	wantCode(t, slow.Err(), CodeSlow)
	await.Within(t, soon, "the slow one is gone", func() bool {
		info, err := h.Info("yard")
		return err == nil && len(info.Participants) == 1
	})
	if quick.Err() != nil {
		t.Errorf("the quick one ended with %v", quick.Err())
	}
}

func TestHouseEndsMemberships(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h, err := NewRegistry(Config{Engine: mixertest.Start, Mixer: mixer.Config{Width: 64, Height: 64, FPS: 5}}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	m, err := h.Join(ctx, "yard", publisher("a"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-m.Done()
	wantCode(t, m.Err(), CodeClosing)
	select {
	case early := <-done:
		t.Errorf("the registry ended (%v) before its member let go of the mixer", early)
	default:
	}
	m.Leave()
	m.Leave()
	if err = <-done; err != nil {
		t.Error(err)
	}
	_, err = h.Join(t.Context(), "yard", publisher("b"))
	wantCode(t, err, CodeClosing)
}

// TestManyComeAndGo lets members of a few rooms come and go at once: the race detector and goleak
// are the judges, and in the end nobody is left.
func TestManyComeAndGo(t *testing.T) {
	h := open(t, Config{})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 10 {
				j := publisher(fmt.Sprint("p", i))
				j.Key = fmt.Sprint("k", i%8)
				m, err := h.Join(t.Context(), fmt.Sprint("room", n%2), j)
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
	await.Within(t, soon, "all rooms are empty", func() bool { return len(h.List()) == 0 })
}

func TestInfo(t *testing.T) {
	h := open(t, Config{})
	enter(t, h, "yard", publisher("a"))
	enter(t, h, "yard", Joining{})
	got, err := h.Info("yard")
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
		"limits.rooms":                    {Limits: Limits{Rooms: -1}},
		"limits.participants":             {Limits: Limits{Participants: 65}},
		`rooms: room "a b"`:               {Rooms: map[string]Settings{"a b": {}}},
		`rooms.yard.mode: "sfu"`:          {Rooms: map[string]Settings{"yard": {Mode: "sfu"}}},
		`rooms.yard.mode: "mesh"`:         {Rooms: map[string]Settings{"yard": {Mode: Mesh, Cameras: []string{"gate"}}}},
		`rooms.yard.record: "gate"`:       {Rooms: map[string]Settings{"yard": {Record: []string{"gate"}}}},
		`rooms.yard.record: "main" twice`: {Rooms: map[string]Settings{"yard": {Record: []string{"main", "main"}}}},
		`rooms.yard.record: "gate": accepted are views of the room: main, door`: {
			Rooms: map[string]Settings{"yard": {Record: []string{"door", "gate"}, Views: map[string]mixer.View{"door": {}, "main": {}}}},
		},
		`rooms.yard.views: "a b"`:              {Rooms: map[string]Settings{"yard": {Views: map[string]mixer.View{"a b": {}}}}},
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

func TestSoundAloneShowsAPlaceholder(t *testing.T) {
	h := open(t, Config{})
	enter(t, h, "yard", Joining{Name: "Ana", Publish: Media{Audio: true}})
	info, err := h.Info("yard")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Participants[0].State; got != mixer.Muted {
		t.Errorf("state %s, want %s: there is no picture to wait for", got, mixer.Muted)
	}
}
