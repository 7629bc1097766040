package room

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/recorder"
	"azulejo/recorder/store"
	"azulejo/signal/signaltest/await"
)

// viewNames are the views of a room with their layouts, in the order of its description.
func viewNames(t *testing.T, reg *Registry, room string) string {
	t.Helper()
	var all []string
	for _, v := range settle(t, reg, room).Views {
		all = append(all, v.Name+":"+string(v.Layout))
	}
	return strings.Join(all, " ")
}

func TestViewsComeAndGo(t *testing.T) {
	reg := open(t, Config{Rooms: map[string]Settings{"hall": {Views: map[string]mixer.View{
		"main": {Layout: mixer.KindSpotlight}, "door": {Layout: mixer.KindFocus, Spotlight: "door", Width: 128, Height: 72, FPS: 10},
	}}}})
	await.Within(t, soon, "the configured room is there", func() bool { return len(reg.List()) == 1 })
	if got := viewNames(t, reg, "hall"); got != "main:spotlight door:focus" {
		t.Errorf("views are %q", got)
	}
	if got := settle(t, reg, "hall").Views[1]; got.Width != 128 || got.FPS != 10 || got.Spotlight != "door" {
		t.Errorf("the configured view is %+v", got)
	}
	for name, v := range map[string]mixer.View{"all": {}, "door": {Layout: mixer.KindPiP}} {
		if err := reg.SetView("hall", name, v); err != nil {
			t.Errorf("set %s: %v", name, err)
		}
	}
	if got := viewNames(t, reg, "hall"); got != "main:spotlight all:grid door:pip" {
		t.Errorf("views are %q after two were set", got)
	}
	if got := settle(t, reg, "hall").Views[1]; got.Width != 64 || got.FPS != 5 {
		t.Errorf("a view without values is %+v; want the room's values", got)
	}
	for _, name := range []string{"all", "main", "main"} {
		if err := reg.DeleteView("hall", name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if got := viewNames(t, reg, "hall"); got != "main:grid door:pip" {
		t.Errorf("views are %q after all and main were deleted", got)
	}
}

func TestViewsAreRefused(t *testing.T) {
	reg := open(t, Config{})
	enter(t, reg, "yard", publisher("a"))
	wantCode(t, reg.SetView("nowhere", "door", mixer.View{}), CodeNoSuchRoom)
	wantCode(t, reg.DeleteView("nowhere", "door"), CodeNoSuchRoom)
	wantCode(t, reg.DeleteView("yard", "door"), CodeNoSuchView)
	wantCode(t, reg.SetView("yard", "../door", mixer.View{}), CodeBadView)
	err := reg.SetView("yard", "door", mixer.View{Layout: "heap"})
	wantCode(t, err, CodeBadView)
	if err == nil || !strings.HasPrefix(err.Error(), "layout: ") {
		t.Errorf("got %v; want the field first", err)
	}
	for name := range manyViews(maxViews - 1) {
		if err := reg.SetView("yard", name, mixer.View{}); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, reg.SetView("yard", "more", mixer.View{}), CodeViews)
	if err := reg.SetView("yard", "v3", mixer.View{Layout: mixer.KindPiP}); err != nil {
		t.Errorf("change a view of a room with all views: %v", err)
	}
}

// TestRecordedViewChanges: a recorded view can change its size, which starts another init segment, and cannot be deleted.
func TestRecordedViewChanges(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	objects, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rec, err := recorder.New(recorder.Config{Dir: t.TempDir(), Segment: time.Second, Part: time.Second}, objects, log)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := NewRegistry(Config{
		Engine: mixertest.Start,
		Mixer:  mixer.Config{Width: 64, Height: 64, FPS: 10, GOP: time.Second},
		Rooms:  map[string]Settings{"hall": {Record: []string{"door"}, Views: map[string]mixer.View{"door": {Width: 128, Height: 72}}}},
	}, rec, log)
	if err != nil {
		t.Fatal(err)
	}
	living, leave := context.WithCancel(t.Context())
	uploading, stop := context.WithCancel(t.Context())
	registry, uploader := make(chan error, 1), make(chan error, 1)
	go func() { uploader <- rec.Run(uploading) }()
	go func() { registry <- reg.Run(living) }()

	await.Within(t, soon, "the view is recorded", func() bool { return segments(reg) > 0 })
	wantCode(t, reg.DeleteView("hall", "door"), CodeRecorded)
	if err := reg.SetView("hall", "door", mixer.View{Width: 96, Height: 96}); err != nil {
		t.Fatal(err)
	}
	before := segments(reg)
	await.Within(t, soon, "the other size is recorded", func() bool { return segments(reg) > before+1 && inits(t, objects) > 1 })
	leave()
	if err := <-registry; err != nil {
		t.Error(err)
	}
	stop()
	if err := <-uploader; err != nil {
		t.Error(err)
	}
	if n := inits(t, objects); n < 2 {
		t.Errorf("%d init segments; want one for each size", n)
	}
}

// inits is the number of init segments of the view in the store.
func inits(t *testing.T, objects store.Store) int {
	t.Helper()
	n := 0
	for _, key := range keys(t, objects, "v1/hall/door/") {
		if strings.Contains(key, "init") {
			n++
		}
	}
	return n
}

// segments is the number of segments of the recorded view so far.
func segments(reg *Registry) uint64 {
	info, err := reg.Info("hall")
	if err != nil || len(info.Recordings) != 1 || info.Recordings[0].Stream != "door" {
		return 0
	}
	return info.Recordings[0].Segments
}
