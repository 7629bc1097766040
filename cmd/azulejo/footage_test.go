package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"azulejo/cmd/internal/cmdtest"
	"azulejo/recorder/store/storetest"
)

// footageConfig is a room with one camera whose video fills the canvas.
const footageConfig = `
mix: {labels: false}
rooms:
  demo:
    cameras: [{name: Gate, url: "test:?w=640&h=360&fps=30&tone=800"}]
    record: [main]
`

func TestFootageFromDirectory(t *testing.T) { checkFootage(t, footageConfig) }

func TestFootageFromS3(t *testing.T) {
	s3 := storetest.StartS3(t)
	checkFootage(t, footageConfig+fmt.Sprintf(
		"store: {kind: s3, s3: {endpoint: %q, bucket: %q, region: %q, access_key: %q, secret_key: %q, prefix: wall}}\n",
		s3.Endpoint, s3.Bucket, s3.Region, s3.AccessKey, s3.SecretKey))
}

// segmentURI is a segment in a playlist: its start and duration are in its name, in milliseconds.
var segmentURI = regexp.MustCompile(`(?m)^.*segments/(\d+)-(\d+)-[0-9a-f]+\.[0-9a-f]+-\d+\.m4s$`)

// checkFootage records four segments and checks with ffmpeg and ffprobe that the footage is complete and plays.
func checkFootage(t *testing.T, config string) {
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "serve", "-c", file, "--data", t.TempDir())
	var f timeline
	p.eventually(40*time.Second, "four segments in the store", func() bool {
		f = p.footage()
		return len(f.Spans) > 0 && f.Spans[0].Where == "store" && f.Spans[0].Segments >= 4
	})
	span := f.Spans[0]
	base := "/api/v1/footage/demo/main/"
	list := string(p.get(fmt.Sprintf("%sindex.m3u8?from=%d&to=%d", base, span.From.UnixMilli(), span.To.UnixMilli())))
	initURI := regexp.MustCompile(`EXT-X-MAP:URI="([^"]+)"`).FindStringSubmatch(list)
	segments := segmentURI.FindAllStringSubmatch(list, -1)
	if initURI == nil || len(segments) < 4 {
		t.Fatalf("playlist:\n%s", list)
	}
	head := p.get(base + initURI[1])
	whole := bytes.Clone(head)
	for i, s := range segments {
		body := p.get(base + s[0])
		whole = append(whole, body...)
		checkSegment(t, i, s, append(bytes.Clone(head), body...))
	}
	all := filepath.Join(t.TempDir(), "all.mp4")
	if err := os.WriteFile(all, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "warning", "-i", all, "-f", "null", "-")
	checkAlignment(t, all)
}

// checkSegment checks that the times in a segment, after its init segment, are those of its name.
func checkSegment(t *testing.T, i int, name []string, media []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "segment.mp4")
	if err := os.WriteFile(file, media, 0o600); err != nil {
		t.Fatal(err)
	}
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "warning", "-i", file, "-f", "null", "-")
	start, length := number(t, name[1]), number(t, name[2])
	if frame := 40.0; i > 0 && i < 4 && math.Abs(length-4000) > frame {
		t.Errorf("segment %d lasts %.0f ms, want 4 s within a frame", i, length)
	}
	if off := math.Mod(start, 4000); i > 0 && off > 40 {
		t.Errorf("segment %d begins %.0f ms after a multiple of 4 s", i, off)
	}
	times := packetTimes(t, file, "v:0")
	if got := 1000 * times[0]; math.Abs(got-start) > 1 {
		t.Errorf("segment %d: first picture at %.0f, its name says %.0f", i, got, start)
	}
	audio := packetTimes(t, file, "a:0")
	if d := audio[0] - times[0]; math.Abs(d) > 0.05 {
		t.Errorf("segment %d: sound begins %.0f ms after the picture", i, 1000*d)
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// packetTimes are the presentation times of a stream's packets, in seconds.
func packetTimes(t *testing.T, file, stream string) []float64 {
	t.Helper()
	var all []float64
	for _, line := range strings.Fields(cmdtest.Tool(t, "ffprobe", "-v", "warning", "-select_streams", stream,
		"-show_entries", "packet=pts_time", "-of", "csv=p=0", file)) {
		all = append(all, number(t, strings.Trim(line, ",")))
	}
	if len(all) == 0 {
		t.Fatalf("no packets of %s in %s", stream, file)
	}
	return all
}

// checkAlignment compares lamp and voice of the synthetic camera: both start on every full second of the wall clock. The
// camera draws 30 frames a second and the view 25, so that a lamp is up to 73 ms late, 36 ms on average.
func checkAlignment(t *testing.T, file string) {
	t.Helper()
	lamp := mean(offsets(lampTimes(t, file)))
	voice := mean(offsets(voiceTimes(t, file)))
	t.Logf("after the full second: lamp %.0f ms, voice %.0f ms", 1000*lamp, 1000*voice)
	if lamp < -0.02 || lamp > 0.15 {
		t.Errorf("the lamp is %.0f ms off the wall clock", 1000*lamp)
	}
	if d := voice - lamp; math.Abs(d) > 0.08 {
		t.Errorf("sound is %.0f ms behind the picture", 1000*d)
	}
}

// lampTimes are the times at which the lamp goes on.
func lampTimes(t *testing.T, file string) []float64 {
	t.Helper()
	times := packetTimes(t, file, "v:0")
	pixels := raw(t, "-i", file, "-an", "-vf", "crop=6:6:18:17,scale=1:1", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	if len(pixels) != 3*len(times) {
		t.Fatalf("%d pictures decoded of %d", len(pixels)/3, len(times))
	}
	var on []float64
	lit := true
	for i, at := range times {
		red := pixels[3*i] > 120
		if red && !lit {
			on = append(on, at)
		}
		lit = red
	}
	return on
}

// voiceTimes are the times at which the tone swells: the loudest 5 ms after 300 ms without louder ones.
func voiceTimes(t *testing.T, file string) []float64 {
	t.Helper()
	start := packetTimes(t, file, "a:0")[0]
	sound := raw(t, "-i", file, "-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-")
	const step = 240
	var on []float64
	last := math.Inf(-1)
	for at := 0; at+2*step <= len(sound)/2; at += step {
		peak := 0
		for i := range step {
			v := int(int16(uint16(sound[2*(at+i)]) | uint16(sound[2*(at+i)+1])<<8))
			peak = max(peak, v, -v)
		}
		now := start + float64(at)/48000
		if peak > 4000 {
			if now-last > 0.3 {
				on = append(on, now)
			}
			last = now
		}
	}
	return on
}

// raw is the standard output of ffmpeg.
func raw(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...).Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v", args, err)
	}
	return out
}

// offsets are the distances to the nearest full second, without the first.
func offsets(times []float64) []float64 {
	var all []float64
	for _, at := range times[min(1, len(times)):] {
		all = append(all, at-math.Round(at))
	}
	return all
}

func mean(v []float64) float64 {
	if len(v) < 5 {
		return math.NaN()
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
