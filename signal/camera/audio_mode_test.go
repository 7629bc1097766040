package camera

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAudioModes: the track is pulled unless the mode is never, and only the mode true puts it into the common mix.
func TestAudioModes(t *testing.T) {
	for mode, want := range map[AudioMode]struct{ pulled, mixed bool }{
		"": {true, false}, AudioFalse: {true, false}, AudioTrue: {true, true}, AudioNever: {false, false},
	} {
		cfg := Config{Name: "Gate", URL: "rtsp://host/path", Audio: mode}
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
		if f := openURL(t, cfg, cfg.URL).(*rtspFeed); f.audio != want.pulled {
			t.Errorf("mode %q: pulled %v", mode, f.audio)
		}
		if got := cfg.joining().Publish.Audio; got != want.mixed {
			t.Errorf("mode %q: published %v", mode, got)
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, wait := newRig(ctx, cfg)
			time.Sleep(5 * time.Second)
			cancel()
			wait()
			if got := len(r.seat.audio) > 0; got != want.mixed {
				t.Errorf("mode %q: audio reaches the room: %v", mode, got)
			}
		})
	}
	err := Config{Name: "Gate", URL: "test:", Audio: "loud"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "never") {
		t.Errorf("the mode loud gave %v, want an error that names the accepted ones", err)
	}
}
