package camera

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/room"
)

// TestALostCameraKeepsItsPlace: a camera whose file is missing is a participant with a placeholder, and the same participant
// is live once the file exists.
func TestALostCameraKeepsItsPlace(t *testing.T) {
	dir := t.TempDir()
	clip := filepath.Join(dir, "ready.mp4")
	if out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=20:duration=2",
		"-c:v", "libx264", clip).CombinedOutput(); err != nil {
		t.Fatalf("make a clip: %v: %s", err, out)
	}
	before := codec.LiveFrames()
	log := slog.New(slog.DiscardHandler)
	registry, err := room.NewRegistry(room.Config{Engine: mixertest.Start, Mixer: mixer.Config{Width: 320, Height: 180, FPS: 10}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	go func() { _ = registry.Run(ctx); ended <- struct{}{} }() // it always returns nil
	file := filepath.Join(dir, "later.mp4")
	c := New(Config{Room: "yard", Name: "Gate", URL: "file:" + file, Audio: AudioTrue}, registry, log)
	go func() { _ = c.Run(ctx); ended <- struct{}{} }() // it always returns nil
	<-c.Tried()

	id := watchPlace(t, registry, "", 2500*time.Millisecond, mixer.Connecting)
	if err := os.Rename(clip, file); err != nil {
		t.Fatal(err)
	}
	watchPlace(t, registry, id, 20*time.Second, mixer.Live)
	cancel()
	<-ended
	<-ended
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d frames were not closed", n)
	}
}

// watchPlace checks for d that the camera is the only participant, and then its state. Where Live is wanted it returns as soon
// as that is reached. The participant must have the id, unless that is empty; its id is returned.
func watchPlace(t *testing.T, registry *room.Registry, id string, d time.Duration, want mixer.State) string {
	t.Helper()
	var last mixer.State
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		info, err := registry.Info("yard")
		if err != nil || len(info.Participants) != 1 {
			t.Fatalf("participants %v, %v: the camera lost its place", info.Participants, err)
		}
		p := info.Participants[0]
		if id == "" {
			id = p.ID
		}
		if last = p.State; p.ID != id {
			t.Fatal("the camera came back as somebody else")
		}
		if want == mixer.Live && last == want {
			break
		}
	}
	if last != want {
		t.Errorf("state %s, want %s", last, want)
	}
	return id
}
