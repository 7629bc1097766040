package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"azulejo/cmd/internal/cmdtest"
)

// coloursConfig is a room with one camera, and recordings of an HD view and an SD view.
const coloursConfig = `
mix: {labels: false, fps: 10, quality: 10}
recording: {segment: 1s, part: 500ms}
rooms:
  demo:
    cameras: [{name: Gate, url: "file:%s"}]
    views: {hd: {layout: grid, w: 1280, h: 720}, sd: {layout: grid, w: 640, h: 360}}
    record: [hd, sd]
`

// bars are the colours of eight bars: white, yellow, cyan, green, magenta, red, blue and nearly black, as RGB.
var bars = [8][3]int{
	{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}, {20, 20, 20},
}

// barsGraph is a lavfi graph of the bars, 1280x720, 10 frames a second for 2 s.
func barsGraph() string {
	var graph, inputs strings.Builder
	for i, c := range bars {
		fmt.Fprintf(&graph, "color=0x%02x%02x%02x:size=160x720:rate=10:duration=2,format=gbrp[b%d];", c[0], c[1], c[2], i)
		fmt.Fprintf(&inputs, "[b%d]", i)
	}
	return graph.String() + inputs.String() + "hstack=inputs=8"
}

// TestFootageHasTheColours: footage of an HD and of an SD view names its matrix and shows the colours of the camera.
func TestFootageHasTheColours(t *testing.T) {
	dir := t.TempDir()
	clip, config := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "azulejo.yaml")
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", barsGraph(), "-vf",
		"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "libx264", "-crf", "10", "-bf", "0",
		"-preset", "ultrafast", "-colorspace", "bt709", "-color_range", "tv", clip)
	if err := os.WriteFile(config, fmt.Appendf(nil, coloursConfig, clip), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "serve", "-c", config, "--data", t.TempDir())
	for view, want := range map[string]struct {
		tags  string
		width int
	}{"hd": {"tv,bt709,bt709,bt709", 1280}, "sd": {"tv,smpte170m,bt709,bt709", 640}} {
		file := filepath.Join(dir, view+".mp4")
		if err := os.WriteFile(file, p.lastSegment(view), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(cmdtest.Tool(t, "ffprobe", "-v", "error", "-show_entries",
			"stream=color_range,color_space,color_transfer,color_primaries", "-select_streams", "v", "-of", "csv=p=0", file)); got != want.tags {
			t.Errorf("%s is tagged %s, want %s", view, got, want.tags)
		}
		rgb := raw(t, "-i", file, "-frames:v", "1", "-vf", "scale=flags=accurate_rnd+full_chroma_int,format=rgb24", "-f", "rawvideo", "-")
		for i, bar := range bars {
			got := rgb[3*(2*i+1)*want.width/16:][:3] // the middle of the bar
			for j, c := range bar {
				if off := int(got[j]) - c; off < -4 || off > 4 {
					t.Errorf("%s: bar %d is %v, want %v", view, i, got, bar)
				}
			}
		}
	}
}

// lastSegment returns the init segment of a recorded view and its last segment, once there are three segments. By then the
// camera is shown.
func (p *process) lastSegment(view string) []byte {
	p.t.Helper()
	base := "/api/v1/footage/demo/" + view
	var f timeline
	p.eventually(20*time.Second, "three segments", func() bool {
		if err := json.Unmarshal(p.get(base), &f); err != nil {
			p.t.Fatal(err)
		}
		return len(f.Spans) == 1 && f.Spans[0].Segments >= 3
	})
	list := string(p.get(fmt.Sprintf("%s/index.m3u8?from=%d&to=%d", base, f.Spans[0].From.UnixMilli(), f.Spans[0].To.UnixMilli())))
	head := regexp.MustCompile(`EXT-X-MAP:URI="([^"]+)"`).FindStringSubmatch(list)
	segments := segmentURI.FindAllString(list, -1)
	if head == nil || len(segments) < 3 {
		p.t.Fatalf("playlist:\n%s", list)
	}
	return append(p.get(base+"/"+head[1]), p.get(base+"/"+segments[len(segments)-1])...)
}
