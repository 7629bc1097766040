package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/room"
)

// loadText writes a configuration file and loads it.
func loadText(t *testing.T, yaml string, environ []string, flags ...Override) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig(file, environ, flags)
}

func TestDefaultsWork(t *testing.T) {
	for _, yaml := range []string{"", "# nothing\n", "mix: {}\n"} {
		c, err := loadText(t, yaml, nil)
		if err != nil {
			t.Fatalf("%q: %v", yaml, err)
		}
		if c.Listen != "127.0.0.1:8080" || c.Mix.Width != 1280 || c.Recording.Segment != 4*time.Second || !c.Store.S3.PathStyle {
			t.Errorf("%q: %+v", yaml, c)
		}
	}
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	yaml := "mix: {width: 320, height: 180, fps: 10}\nrecording: {spool_limit: 10GiB, segment: 6s}\n"
	c, err := loadText(t, yaml, []string{"AZULEJO_MIX_HEIGHT=240", "AZULEJO_MIX_FPS=12", "AZULEJO_WEBRTC_PUBLIC_IPS=[192.0.2.7]", "OTHER=1"},
		Override{Key: "mix.fps", Value: "15"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Mix.Width != 320 || c.Mix.Height != 240 || c.Mix.FPS != 15 {
		t.Errorf("mix is %+v", c.Mix)
	}
	if c.Recording.SpoolLimit != 10<<30 || c.Recording.Segment != 6*time.Second || c.WebRTC.PublicIPs[0] != "192.0.2.7" {
		t.Errorf("recording is %+v, public addresses are %v", c.Recording, c.WebRTC.PublicIPs)
	}
}

func TestCamerasHaveDefaults(t *testing.T) {
	c, err := loadText(t, `rooms: {yard: {cameras: [{name: gate, url: "test:"}, {name: door, url: "test:", audio: true}, {name: yard, url: "test:", audio: never}], record: [main]}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	cams := c.Rooms["yard"].Cameras
	if cams[0].Audio != "false" || cams[1].Audio != "true" || cams[2].Audio != "never" || cams[0].Transport != "auto" {
		t.Errorf("cameras are %+v", cams)
	}
}

// TestRoomsAreConfigured: views, cameras and rungs of a file reach the settings of the room and the mixer.
func TestRoomsAreConfigured(t *testing.T) {
	c, err := loadText(t, `
mix: {rungs: [1080p, 90p]}
rooms:
  two: {mode: mesh}
  yard:
    cameras: [{name: gate, url: "test:", sub_url: "test:?w=320&h=180"}, {name: door, url: "test:"}]
    views:
      main: {}
      gate: {layout: spotlight, spotlight: gate, exclude: [door], w: 720, h: 1280, fps: 10, capacity: 9, page: 2, cycle: 10s, fill: true, labels: false}
      two: {layout: custom, tiles: [{x: 0, y: 0, w: 0.5, h: 1}, {x: 0.5, y: 0, w: 0.5, h: 1}], cycle: 90}
    record: [main, gate]
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := room.Settings{
		Cameras: []string{"gate", "door"},
		Views: map[string]mixer.View{
			"main": {},
			"gate": {
				Layout: mixer.KindSpotlight, Spotlight: "gate", Exclude: []string{"door"}, Width: 720, Height: 1280,
				FPS: 10, Capacity: 9, Page: 2, Cycle: 10, Fill: true, NoLabels: true,
			},
			"two": {Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{W: 0.5, H: 1}, {X: 0.5, W: 0.5, H: 1}}, Cycle: 90},
		},
		Record: []string{"main", "gate"},
	}
	if d := cmp.Diff(want, c.registry().Rooms["yard"]); d != "" {
		t.Errorf("the room (-want +got):\n%s", d)
	}
	if got := c.registry().Rooms["two"].Mode; got != room.Mesh {
		t.Errorf("the other room's mode is %q", got)
	}
	if got := c.mixer().Rungs; !slices.Equal(got, []string{"1080p", "90p"}) {
		t.Errorf("rungs are %v", got)
	}
	if got := c.Rooms["yard"].Cameras[0].camera("yard").SubURL; got != "test:?w=320&h=180" {
		t.Errorf("the gate's smaller picture is at %q", got)
	}
}

// TestBadConfigurationIsNamed: an error is one line with the key, and the value or the accepted values.
func TestBadConfigurationIsNamed(t *testing.T) {
	for yaml, want := range map[string][]string{
		"mix: {widht: 3}":                                  {"mix.widht", "unknown key", "width"},
		"colour: blue":                                     {"colour", "unknown key", "listen"},
		"mix: {width: abc}":                                {"mix.width", "abc", "whole number"},
		"mix: {width: 33}":                                 {"mix.width", "33", "even numbers"},
		"mix: {quality: 60}":                               {"mix.quality", "60", "51"},
		"mix: {labels: perhaps}":                           {"mix.labels", "perhaps", "true or false"},
		"mix: {fps: [1]}":                                  {"mix.fps", "1", "one value"},
		"mix: 7":                                           {"mix", "7", "keys and values"},
		"mix: {rungs: [720p, 90]}":                         {"mix.rungs", "\"90\"", "such as 720p"},
		"mix: {rungs: [720p, 720p]}":                       {"mix.rungs", "720p", "each once"},
		"mix: {rungs: []}":                                 {"mix.rungs", "[]", "one at least"},
		"mix: {rungs: 720p}":                               {"mix.rungs", "720p", "[a, b]"},
		"mix: {preset: slowest}":                           {"mix.preset", "slowest", "superfast"},
		"recording: {segment: soon}":                       {"recording.segment", "soon", "4s"},
		"recording: {segment: 1500ms}":                     {"recording.segment", "1.5s", "whole seconds"},
		"recording: {spool_limit: 1MiB}":                   {"recording.spool_limit", "1MiB", "leave it out"},
		"recording: {spool_limit: much}":                   {"recording.spool_limit", "much", "10GiB"},
		"recording: {keep_for: 24h}":                       {"keep_for", "24h", "0"},
		"listen: nowhere":                                  {"listen", "nowhere", "host:port"},
		"listen: 0.0.0.0:80":                               {"listen", "0.0.0.0:80", "allow_open"},
		"auth: {mode: password}":                           {"auth.mode", "password", "none, token"},
		"{listen: \":80\", auth: {mode: \"\"}}":            {"listen", ":80", "auth.mode: token"},
		"auth: {origins: [example.org]}":                   {"auth.origins", "example.org", "https://example.org"},
		"limits: {joins_per_minute: -1}":                   {"limits.joins_per_minute", "-1", "1 to"},
		"limits: {failures_per_minute: many}":              {"limits.failures_per_minute", "many", "whole number"},
		"tls: {cert: a.pem}":                               {"tls", "a.pem", "both"},
		"webrtc: {udp: there}":                             {"webrtc.udp", "there", "host:port"},
		"webrtc: {public_ips: [here]}":                     {"webrtc.public_ips", "here", "IPv4"},
		"turn: {listen: \"3478\"}":                         {"turn.listen", "3478", "host:port"},
		"turn: {allow_peers: [\"10.0.0.1\"]}":              {"turn.allow_peers", "10.0.0.1", "10.0.0.0/8"},
		"turn: {relay_ports: \"1-2\"}":                     {"turn.relay_ports", "1-2", "1024-65535"},
		"{webrtc: {udp: \"\"}, turn: {listen: \":3478\"}}": {"turn.listen", ":3478", "webrtc.udp"},
		"turn: {lifetime: 1s}":                             {"turn.lifetime", "1s", "24h"},
		"store: {kind: ftp}":                               {"store.kind", "ftp", "s3"},
		"store: {kind: s3, s3: {bucket: b}}":               {"store.s3.", "endpoint"},
		"limits: {participants: 65}":                       {"limits.participants", "65", "64"},
		"rooms: {\"a b\": {}}":                             {"rooms", "a b", "letters"},
		"rooms: {a: {mode: sfu}}":                          {"rooms.a.mode", "sfu", "mix, mesh"},
		"rooms: {a: {mode: mesh, record: [main]}}":         {"rooms.a.mode", "mesh", "without cameras, views and record"},
		"rooms: {a: {record: [garden]}}":                   {"rooms.a.record", "garden", "main"},
		"rooms: {a: {record: [door], views: {gate: {}}}}":  {"rooms.a.record", "door", "main, gate"},
		"rooms: {a: {views: {main: {layout: heap}}}}":      {"rooms.a.views.main.layout", "heap", "grid, spotlight"},
		"rooms: {a: {views: {x: {layout: custom}}}}":       {"rooms.a.views.x.tiles", "0 rectangles", "1 to 64"},
		"rooms: {a: {views: {x: {layuot: grid}}}}":         {"rooms.a.views.x.layuot", "unknown key", "layout, spotlight"},
		"rooms: {a: {views: {\"x y\": {}}}}":               {"rooms.a.views", "x y", "letters"},
		"rooms: {a: {views: {x: {w: 33}}}}":                {"rooms.a.views.x.w", "33", "even numbers"},
		"rooms: {a: {views: {x: {h: tall}}}}":              {"rooms.a.views.x.h", "tall", "whole number"},
		"rooms: {a: {views: {x: {fps: 61}}}}":              {"rooms.a.views.x.fps", "61", "1 to 60"},
		"rooms: {a: {views: {x: {capacity: 65}}}}":         {"rooms.a.views.x.capacity", "65", "1 to 64"},
		"rooms: {a: {views: {x: {cycle: 1500ms}}}}":        {"rooms.a.views.x.cycle", "1500ms", "whole seconds"},
		"rooms: {a: {views: {x: {cycle: -1}}}}":            {"rooms.a.views.x.cycle", "-1", "1 to 86400"},
		"rooms: {a: {views: {x: {cycle: soon}}}}":          {"rooms.a.views.x.cycle", "soon", "whole seconds"},
		"rooms: {a: {views: {x: {labels: perhaps}}}}":      {"rooms.a.views.x.labels", "perhaps", "true or false"},
		"rooms: {a: {views: {x: {exclude: gate}}}}":        {"rooms.a.views.x.exclude", "gate", "[a, b]"},
		"rooms: {a: {views: {x: {exclude: [\"\"]}}}}":      {"rooms.a.views.x.exclude[0]", "accepted"},
		"rooms: {a: {views: {x: {layout: custom, tiles: [{x: half, w: 1, h: 1}]}}}}":         {"rooms.a.views.x.tiles[0].x", "half", "a number"},
		"rooms: {a: {views: {x: {layout: custom, tiles: [{x: 0.5, y: 0, w: 0.6, h: 1}]}}}}":  {"rooms.a.views.x.tiles[0].x", "0.5", "0 to 0.4"},
		"rooms: {a: {cameras: [{name: x, url: \"test:\", sub_url: \"ftp:y\"}]}}":             {"rooms.a.cameras", "sub_url", "ftp:y", "rtsp://"},
		"rooms: {a: {cameras: [{name: x, url: \"test:\", sub_url: \"rtsp://u:secret@/\"}]}}": {"rooms.a.cameras", "sub_url", "rtsp://[USER", "HOST"},
		"rooms: {a: {cameras: [{name: x, url: \"ftp:y\"}]}}":                                 {"rooms.a.cameras", "ftp:y", "rtsp://"},
		"rooms: {a: {cameras: [{name: \"\", url: \"test:\"}]}}":                              {"rooms.a.cameras", "name"},
		"rooms: {a: {cameras: [{name: x, url: \"test:\", transport: pigeon}]}}":              {"rooms.a.cameras", "pigeon", "tcp, udp"},
		"rooms: {a: {cameras: [{name: x, url: \"rtsp://u:secret@/\"}]}}":                     {"rooms.a.cameras", "rtsp://[USER", "HOST"},
		"mix: [": {"yaml"},
	} {
		_, err := loadText(t, yaml, nil)
		if err == nil {
			t.Errorf("%s: accepted", yaml)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q is more than one line, or tells a password", yaml, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", yaml, err, w)
			}
		}
	}
}

// TestBadSecretsAreNotTold: an error names the key and hides the value.
func TestBadSecretsAreNotTold(t *testing.T) {
	for yaml, want := range map[string]string{
		"auth: {mode: token}":                               "auth.secret: 0 bytes: accepted are 32 or more",
		"auth: {mode: token, secret: hunter2}":              "auth.secret: 7 bytes: accepted are 32 or more",
		"auth: {secret: [hunter2]}":                         "auth.secret: \"(secret)\": accepted is one value",
		"store: {kind: s3, s3: {secret_key: {a: hunter2}}}": "store.s3.secret_key: \"(secret)\"",
	} {
		if _, err := loadText(t, yaml, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %s", yaml, err, want)
		}
	}
}

// TestTokensLetListenAnywhere: a server with tokens may listen on all addresses.
func TestTokensLetListenAnywhere(t *testing.T) {
	yaml := "listen: 0.0.0.0:8080\nauth: {mode: token, origins: ['https://example.org', '*']}\n"
	c, err := loadText(t, yaml, []string{"AZULEJO_AUTH_SECRET=0123456789abcdef0123456789abcdef", "AZULEJO_LIMITS_JOINS_PER_MINUTE=7"})
	if err != nil {
		t.Fatal(err)
	}
	want := auth.Config{
		Mode: auth.ModeToken, Secret: "0123456789abcdef0123456789abcdef", Origins: []string{"https://example.org", "*"},
		JoinsPerMinute: 7, FailuresPerMinute: auth.DefaultFailures,
	}
	if d := cmp.Diff(want, c.guard()); d != "" {
		t.Errorf("the guard (-want +got):\n%s", d)
	}
}

// TestOpenServersAreLocal: a server without tokens answers only its own machine, unless auth.allow_open is set.
func TestOpenServersAreLocal(t *testing.T) {
	for yaml, want := range map[string]bool{
		"{}": true, "auth: {mode: none}": true, "auth: {allow_open: true}": false,
		"auth: {mode: token, secret: 0123456789abcdef0123456789abcdef}": false,
	} {
		if c, err := loadText(t, yaml, nil); err != nil || c.guard().Local != want {
			t.Errorf("%s: local is %v (%v), want %v", yaml, c.guard().Local, err, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for name, yaml := range map[string]string{good: "{mix: {fps: 10}, listen: \"127.0.0.1:0\", webrtc: {udp: \"127.0.0.1:0\", tcp: \"127.0.0.1:0\"}}", bad: "mix: {fps: fast}"} {
		if err := os.WriteFile(name, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"version"}, 0},
		{[]string{"check", "-c", good}, 0},
		{[]string{"check", "-c", bad}, 2},
		{[]string{"check", "-c", filepath.Join(dir, "none.yaml")}, 2},
		{[]string{"check", "--set", "mix.fps"}, 2},
		{[]string{"serve", "-c", bad}, 2},
		{[]string{"demo", "--cameras", "99"}, 2},
		{[]string{"load", "bench", "--inputs", "0", good}, 2},
		{[]string{"load", "view", "--count", "0"}, 2},
		{[]string{"token", "--room", "yard"}, 2}, // no secret
		{[]string{"token", "--room", "a b"}, 2},
		{[]string{"token"}, 2},
		{[]string{"load", "publish", bad}, 1},
		{[]string{"dance"}, 2},
	} {
		if got := run(c.args); got != c.want {
			t.Errorf("azulejo %s: exit code %d, want %d", strings.Join(c.args, " "), got, c.want)
		}
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s := Secret("hunter2")
	if s.String() == "hunter2" || s.LogValue().String() == "hunter2" {
		t.Error("a secret shows itself")
	}
}

func TestStagesStopInOppositeOrder(t *testing.T) {
	var order []string
	mark := func(name string) stage {
		return stage{name, func(ctx context.Context) error {
			<-ctx.Done()
			order = append(order, name)
			return nil
		}}
	}
	broken := errors.New("boom")
	err := runStages(t.Context(), slog.New(slog.DiscardHandler), []stage{
		mark("store"), mark("mixer"), {"camera", func(context.Context) error { return broken }}, mark("http"),
	})
	if !errors.Is(err, broken) {
		t.Errorf("runStages returned %v, want the failure", err)
	}
	if got := strings.Join(order, " "); got != "http mixer store" {
		t.Errorf("stopped as %q", got)
	}
}

// TestTurnIsConfigured: an error names the key of the secret and hides its value. The public addresses default to those of
// webrtc.
func TestTurnIsConfigured(t *testing.T) {
	for yaml, want := range map[string]string{
		"turn: {external: [\"turn:there:3478\"]}":         "turn.secret: empty with turn.external: accepted",
		"turn: {listen: \":3478\", secret: \"mumbo\"}":    "turn.secret: 5 characters: accepted are 16 or more",
		"turn: {listen: \":3478\", public_ips: [\"::\"]}": "turn.public_ips[0]: \"::\": accepted",
	} {
		_, err := loadText(t, yaml, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "mumbo") {
			t.Errorf("%s: got %v; want %q, without the secret", yaml, err, want)
		}
	}
	c, err := loadText(t, "{webrtc: {public_ips: [5.6.7.8]}, turn: {listen: \":3478\", lifetime: 2h}}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.turn(); !slices.Equal(got.PublicIPs, []string{"5.6.7.8"}) || got.Lifetime != 2*time.Hour || got.Realm != "azulejo" {
		t.Errorf("got %+v", got)
	}
	c.Turn.PublicIPs = []string{"5.6.7.9"}
	if got := c.turn().PublicIPs; !slices.Equal(got, []string{"5.6.7.9"}) {
		t.Errorf("public addresses are %v; want those of turn", got)
	}
}
