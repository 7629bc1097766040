package ws_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/auth"
	"azulejo/signal/client"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/ws"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// The canvas of the tests: small, so that ten encoders and decoders fit a small machine.
const width, height, fps = 640, 360, 10

// tolerance is how far a colour may be off after two encoders.
const tolerance = 10

// server is a complete server without pages.
type server struct {
	url      string
	registry *room.Registry
}

type setup struct {
	limits room.Limits
	webrtc peer.Config
	ws     ws.Config
	auth   auth.Config
	rungs  []string     // of the mixer; nil: its default
	log    *slog.Logger // the test's, of warnings, when nil
}

func serve(t *testing.T, s setup) *server {
	t.Helper()
	base := signaltest.NewServer(t, signaltest.Config{
		Mixer:  mixer.Config{Width: width, Height: height, FPS: fps, Bitrate: 1_500_000, Rungs: s.rungs},
		Limits: s.limits, WebRTC: s.webrtc, Auth: s.auth, Log: s.log,
	})
	url := base.Open(ws.NewHandler(s.ws, base.Registry, base.Engine, base.Guard, base.Log))
	return &server{url: "ws" + strings.TrimPrefix(url, "http") + "/ws", registry: base.Registry}
}

// dial connects a client until the test ends.
func (s *server) dial(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.URL = s.url
	if cfg.Room == "" {
		cfg.Room = "yard"
	}
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("dial as %q: %v", cfg.Name, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close %q: %v", cfg.Name, err)
		}
	})
	return c
}

// newScreen is one for the mix.
func newScreen(t *testing.T) *mixertest.Screen {
	return mixertest.NewScreen(t, mixer.Size{W: width, H: height}, tolerance)
}
