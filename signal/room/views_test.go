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

// viewNames of a room, in the order of its description.
func viewNames(t *testing.T, h *Registry, room string) string {
	t.Helper()
	var all []string
	for _, v := range settle(t, h, room).Views {
		all = append(all, v.Name+":"+string(v.Layout))
	}
	return strings.Join(all, " ")
}

func TestViewsComeAndGo(t *testing.T) {
	h := open(t, Config{Rooms: map[string]Settings{"hall": {Views: map[string]mixer.View{
		"main": {Layout: mixer.KindSpotlight}, "door": {Layout: mixer.KindFocus, Spotlight: "door", Width: 128, Height: 72, FPS: 10},
	}}}})
	await.Within(t, soon, "the configured room is there", func() bool { return len(h.List()) == 1 })
	if got := viewNames(t, h, "hall"); got != "main:spotlight door:focus" {
		t.Errorf("views are %q", got)
	}
	if got := settle(t, h, "hall").Views[1]; got.Width != 128 || got.FPS != 10 || got.Spotlight != "door" {
		t.Errorf("the configured view is %+v", got)
	}
	for name, v := range map[string]mixer.View{"all": {}, "door": {Layout: mixer.KindPiP}} {
		if err := h.SetView("hall", name, v); err != nil {
			t.Errorf("set %s: %v", name, err)
		}
	}
	if got := viewNames(t, h, "hall"); got != "main:spotlight all:grid door:pip" {
		t.Errorf("views are %q after two were set", got)
	}
	if got := settle(t, h, "hall").Views[1]; got.Width != 64 || got.FPS != 5 {
		t.Errorf("a view that says nothing is %+v; want the room's values", got)
	}
	for _, name := range []string{"all", "main", "main"} {
		if err := h.DeleteView("hall", name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if got := viewNames(t, h, "hall"); got != "main:grid door:pip" {
		t.Errorf("views are %q after all and main were deleted", got)
	}
}

func TestViewsAreRefused(t *testing.T) {
	h := open(t, Config{})
	enter(t, h, "yard", publisher("a"))
	wantCode(t, h.SetView("nowhere", "door", mixer.View{}), CodeNoSuchRoom)
	wantCode(t, h.DeleteView("nowhere", "door"), CodeNoSuchRoom)
	wantCode(t, h.DeleteView("yard", "door"), CodeNoSuchView)
	wantCode(t, h.SetView("yard", "../door", mixer.View{}), CodeBadView)
	err := h.SetView("yard", "door", mixer.View{Layout: "heap"})
	wantCode(t, err, CodeBadView)
	if err == nil || !strings.HasPrefix(err.Error(), "layout: ") {
		t.Errorf("got %v; want the field first", err)
	}
	for name := range manyViews(maxViews - 1) {
		if err := h.SetView("yard", name, mixer.View{}); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, h.SetView("yard", "more", mixer.View{}), CodeViews)
	if err := h.SetView("yard", "v3", mixer.View{Layout: mixer.KindPiP}); err != nil {
		t.Errorf("one of them has no other meaning: %v", err)
	}
}

// TestRecordedViewChanges: a view is recorded under its name, goes on in another shape when it is set, and
// cannot be deleted meanwhile.
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
	h, err := NewRegistry(Config{
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
	go func() { registry <- h.Run(living) }()

	await.Within(t, soon, "the view is recorded", func() bool { return segments(h) > 0 })
	wantCode(t, h.DeleteView("hall", "door"), CodeRecorded)
	if err := h.SetView("hall", "door", mixer.View{Width: 96, Height: 96}); err != nil {
		t.Fatal(err)
	}
	before := segments(h)
	await.Within(t, soon, "the other shape is recorded", func() bool { return segments(h) > before+1 })
	leave()
	if err := <-registry; err != nil {
		t.Error(err)
	}
	stop()
	if err := <-uploader; err != nil {
		t.Error(err)
	}
	inits := 0
	for _, key := range keys(t, objects, "v1/hall/door/") {
		if strings.Contains(key, "init") {
			inits++
		}
	}
	if inits < 2 {
		t.Errorf("%d init segments; want one for each shape", inits)
	}
}

func segments(h *Registry) uint64 {
	info, err := h.Info("hall")
	if err != nil || len(info.Recordings) != 1 || info.Recordings[0].Stream != "door" {
		return 0
	}
	return info.Recordings[0].Segments
}
