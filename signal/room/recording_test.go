package room

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/recorder"
	"azulejo/recorder/store"
	"azulejo/signal/signaltest/await"
)

// TestRoomIsRecorded: a configured room is recorded without members, and describes its recording. Its footage is in the
// store after the registry has closed.
func TestRoomIsRecorded(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	objects, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rec, err := recorder.New(recorder.Config{Dir: t.TempDir()}, objects, log)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := NewRegistry(Config{
		Engine: mixertest.Start,
		Mixer:  mixer.Config{Width: 64, Height: 64, FPS: 10}, Rooms: map[string]Settings{"hall": {Record: []string{"main"}}},
	}, rec, log)
	if err != nil {
		t.Fatal(err)
	}
	living, leave := context.WithCancel(t.Context())
	uploading, stop := context.WithCancel(t.Context())
	registry, uploader := make(chan error, 1), make(chan error, 1)
	go func() { uploader <- rec.Run(uploading) }()
	go func() { registry <- reg.Run(living) }()
	await.Within(t, soon, "a part is durable", func() bool {
		info, missing := reg.Info("hall")
		return missing == nil && len(info.Recordings) == 1 && info.Recordings[0].Bytes > 0 && time.Since(info.Recordings[0].Durable) < time.Minute
	})
	info, err := reg.Info("hall")
	if err != nil || info.Recordings[0].Error != "" || info.Recordings[0].Stream != "main" {
		t.Errorf("got %+v, %v; want main without an error", info.Recordings, err)
	}
	leave()
	if err := <-registry; err != nil {
		t.Error(err)
	}
	stop()
	if err := <-uploader; err != nil {
		t.Error(err)
	}
	if n := len(keys(t, objects, "v1/hall/main/")); n < 2 {
		t.Errorf("the store has %d objects; want an init and a segment", n)
	}
}

func TestRecordingNeedsARecorder(t *testing.T) {
	_, err := NewRegistry(Config{Engine: mixertest.Start, Rooms: map[string]Settings{"hall": {Record: []string{"main"}}}}, nil, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Error("a registry without a recorder accepts a room to be recorded")
	}
}

func keys(t *testing.T, objects store.Store, prefix string) []string {
	t.Helper()
	var all []string
	for o, err := range objects.List(t.Context(), store.Query{Prefix: prefix}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
	return all
}
