package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mistakes loads a configuration and returns the lines of the error, without the folder of the file.
func mistakes(t *testing.T, yaml string, environ []string, flags ...Override) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadConfig(file, environ, flags)
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", ""), "\n")
}

// TestAllMistakesAtOnce: each mistake is told once, with its line, in the order of the file. Those of variables and flags follow.
func TestAllMistakesAtOnce(t *testing.T) {
	got := mistakes(t, `listen: nowhere
rooms:
  yard:
    cameras:
      - {name: gate, url: "ftp:x", transport: pigeon}
      - name: "Front\tdoor"
        url: "rtsp://admin:p/ss@192.0.2.10/h264"
        audio: loud
        colour: blue
      - {name: gate, url: "test:"}
    record: [main, garden]
mix:
  fps: fast
  width: 33
  fps: 10
recording: {part: 9s}
auth: {mode: token}
`, []string{"AZULEJO_MXI_WIDTH=3", "AZULEJO_MIX_QUALITY=60", "AZULEJO_CHROMIUM=/usr/bin/chromium", "AZULEJOS=1"}, Override{Key: "mix.rungs", Value: "[1p]"})
	want := []string{
		`azulejo.yaml:1: listen: "nowhere": accepted is host:port or :port`,
		`azulejo.yaml:5: rooms.yard.cameras[0].url: "ftp:x": accepted are rtsp://HOST/PATH, rtsps://HOST/PATH, file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]`,
		`azulejo.yaml:5: rooms.yard.cameras[0].transport: "pigeon": accepted are auto, tcp, udp`,
		`azulejo.yaml:6: rooms.yard.cameras[1].name: "Front\tdoor": accepted are 1 to 128 printable letters of any script, at most 400 bytes, without spaces around them`,
		`azulejo.yaml:7: rooms.yard.cameras[1].url: 192.0.2.10/h264: accepted is rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH; in the user and the password, # / ? % must be percent-encoded: %23 %2F %3F %25`,
		`azulejo.yaml:8: rooms.yard.cameras[1].audio: "loud": accepted are false, true and never`,
		`azulejo.yaml:9: rooms.yard.cameras[1].colour: unknown key; accepted are name, url, sub_url, transport, audio, frozen_after, tls`,
		`azulejo.yaml:10: rooms.yard.cameras[2].name: "gate": the room has a camera of this name; accepted is another name`,
		`azulejo.yaml:11: rooms.yard.record[1]: "garden": accepted are views of the room: main`,
		`azulejo.yaml:13: mix.fps: "fast": accepted is a whole number`,
		`azulejo.yaml:14: mix.width: 33: accepted are even numbers from 64 to 7680`,
		`azulejo.yaml:15: mix.fps: twice, first on line 13; accepted is once`,
		`azulejo.yaml:16: recording.part: 9s: accepted are 100ms to 4s, the segment's length`,
		`azulejo.yaml:17: auth.secret: 0 bytes: accepted are 32 or more, such as those of: openssl rand -hex 32`,
		`environment: AZULEJO_MXI_WIDTH: unknown variable; accepted are AZULEJO_ and the path of a key in capitals, such as AZULEJO_MIX_WIDTH`,
		`AZULEJO_MIX_QUALITY: mix.quality: 60: accepted are 1 (best) to 51`,
		`--set: mix.rungs[0]: "1p": accepted are even numbers of lines from 64 to 4320 followed by p, such as 720p`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestMistakesInYAML: what the YAML parser would overlook or say without a place.
func TestMistakesInYAML(t *testing.T) {
	for yaml, want := range map[string]string{
		"mix: {fps: 10}\nmix: {width: 640}\n":                     "azulejo.yaml:2: mix: twice, first on line 1; accepted is once",
		"rooms: {yard: {}, hall: {}, yard: {}}":                   "azulejo.yaml:1: rooms.yard: twice, first on line 1; accepted is once",
		"rooms: {a: {views: {x: {w: 64, w: 64}}}}":                "azulejo.yaml:1: rooms.a.views.x.w: twice, first on line 1; accepted is once",
		"rooms: {a: {cameras: [{name: a, name: b, url: test:}]}}": "azulejo.yaml:1: rooms.a.cameras[0].name: twice, first on line 1; accepted is once",
		"mix: {fps: 10}\n---\nmix: {fps: 12}\n":                   "azulejo.yaml:2: a second document; accepted is one",
		"mix: {fps: 10}\n---\n---\n":                              "azulejo.yaml:2: a second document; accepted is one",
		"---\nmix: {fps: 10}\n...\n":                              "",
		"mix:\n  fps: 10\n width: 3\n":                            "azulejo.yaml:3: yaml: did not find expected key",
		"mix: {fps: 10}\n---\n[\n":                                "azulejo.yaml:4: yaml: did not find expected node content",
		"mix: &m {fps: 10}\n":                                     "",
		"mix: {fps: !!str 10}\n":                                  "azulejo.yaml:1: mix.fps: \"10\": accepted is a whole number",
	} {
		if got := strings.Join(mistakes(t, yaml, nil), "\n"); got != want {
			t.Errorf("%q:\n got %s\nwant %s", yaml, got, want)
		}
	}
}

// TestPasswordsThatNeedEncoding: a URL with a raw # / ? % in its password is refused, with a word about encoding. Others are not.
func TestPasswordsThatNeedEncoding(t *testing.T) {
	for password, bad := range map[string]bool{
		"pass": false, "p%23ss": false, "p%2Fss": false, "p:ss": false, "p@ss": false, "p$s!": false,
		"p#ss": true, "p/ss": true, "p?ss": true, "50%": true, "%zz": true, "1/2": true, "12#3": true, "12?3": true, "/x": true,
	} {
		got := mistakes(t, `rooms: {a: {cameras: [{name: x, url: "rtsp://admin:`+password+`@192.0.2.7/s"}]}}`, nil)
		if bad && (len(got) != 1 || !strings.Contains(got[0], "%23 %2F %3F %25") || strings.Contains(got[0], "admin")) || !bad && got != nil {
			t.Errorf("%s: %q", password, got)
		}
	}
	for _, url := range []string{"rtsp://192.0.2.7:554/live@1", "rtsp://cam.example.org:554/a@b", "rtsp://localhost:554/a@b", "rtsp://cam/a@b"} {
		if got := mistakes(t, `rooms: {a: {cameras: [{name: x, url: "`+url+`"}]}}`, nil); got != nil {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestDurationsTakeDays(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"30d": 30 * day, "1d12h": 36 * time.Hour, "0d": 0, "0.5d": 12 * time.Hour, "7d0s": 7 * day, "-1d": -day, "90m": 90 * time.Minute, "36500d": 36500 * day,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "1", "30 d", "12h1d", "1d2d", "1e3d", "Infd", "NaNd", "1d-1h", "200000d", "d12h", "1_0d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	c, err := loadText(t, `{turn: {lifetime: 1d}, rooms: {a: {cameras: [{name: x, url: "test:", frozen_after: 1d}], views: {x: {cycle: 1d}}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Rooms["a"]; c.Turn.Lifetime != day || r.Cameras[0].FrozenAfter != day || r.Views["x"].Cycle != 86400 {
		t.Errorf("%v, %v, %v", c.Turn.Lifetime, r.Cameras[0].FrozenAfter, r.Views["x"].Cycle)
	}
	if code := run([]string{"token", "--room", "yard", "--ttl", "30d", "-c", secretFile(t)}); code != 0 {
		t.Errorf("a token for 30d: exit code %d", code)
	}
}

func secretFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte("auth: {secret: 0123456789abcdef0123456789abcdef}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
