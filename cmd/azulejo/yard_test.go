package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/client"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

// launchYard starts a server whose room "yard" pulls the given URLs. The main view is a grid of them. The name of camera i is
// cameraName(i).
func launchYard(t *testing.T, canvas mixer.Size, fps int, urls []string) *process {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "rooms:\n  yard:\n    views: {main: {layout: grid, w: %d, h: %d, fps: %d}}\n    cameras:\n", canvas.W, canvas.H, fps)
	for i, url := range urls {
		fmt.Fprintf(&b, "      - {name: %s, url: %q}\n", cameraName(i), url)
	}
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, "serve", "-c", file, "--data", t.TempDir())
}

func cameraName(i int) string { return fmt.Sprintf("cam%02d", i) }

// startCameras starts n cameras until the test ends and returns them with their URLs.
func startCameras(t *testing.T, n int, makeCamera func(i int) *cameratest.Camera) (all []*cameratest.Camera, urls []string) {
	t.Helper()
	for i := range n {
		c := makeCamera(i).Start(t)
		all, urls = append(all, c), append(urls, c.URL())
	}
	return all, urls
}

// yard returns the snapshot of the room "yard".
func (p *process) yard() room.Info {
	p.t.Helper()
	var info room.Info
	if err := json.Unmarshal(p.get("/api/v1/rooms/yard"), &info); err != nil {
		p.t.Fatal(err)
	}
	return info
}

// notLive returns the names of the participants that are not live, with their states.
func notLive(info room.Info) (names []string) {
	for _, p := range info.Participants {
		if p.State != mixer.Live {
			names = append(names, p.Name+" "+string(p.State))
		}
	}
	return names
}

// watch makes a viewer of the wall, which receives H.264 until the test ends. onVideo may be nil.
func (p *process) watch(onVideo func(mixer.Packet)) *client.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), await.Patience)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{
		URL: "ws" + strings.TrimPrefix(p.base, "http") + "/ws", Room: "yard", View: true, Accept: []mixer.Codec{mixer.H264}, OnVideo: onVideo,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return c
}

const (
	blinkRate = 15 // frames a second of blinking
	blinkStep = 50 // least difference of brightness between two frames of blinking
)

// blinking returns a stream whose frames have four degrees of brightness in turn.
func blinking(t *testing.T) *cameratest.Stream {
	t.Helper()
	return cameratest.Make(t, mixer.H264, blinkRate, fmt.Sprintf(
		"nullsrc=size=320x180:rate=%d:duration=4,geq=lum='40+%d*mod(N,4)':cb=128:cr=128", blinkRate, blinkStep))
}

// tally counts the frames of each camera that a viewer sees. The cameras send a blinking stream, so that each frame
// changes the brightness of its tile.
type tally struct {
	t      *testing.T
	viewer *client.Client

	mu      sync.Mutex
	decoder *codec.VideoDecoder
	tiles   map[string]*tileTally
}

// tileTally is what a tally knows of the tile of one camera.
type tileTally struct {
	brightness int
	frames     []time.Time // when each new frame arrived
}

// newTally watches the wall of p until the test ends.
func newTally(t *testing.T, p *process) *tally {
	t.Helper()
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	y := &tally{t: t, decoder: d, tiles: map[string]*tileTally{}}
	viewer := p.watch(y.decode)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.viewer = viewer
	return y
}

// decode decodes the next packet of the wall. It does not count frames that come before the viewer is known.
func (y *tally) decode(p mixer.Packet) {
	y.mu.Lock()
	defer y.mu.Unlock()
	frames, err := y.decoder.Decode(p)
	if err != nil {
		y.t.Errorf("decode the wall: %v", err)
	}
	for _, f := range frames {
		if y.viewer != nil {
			y.count(f, time.Now())
		}
		f.Close()
	}
}

// count compares the middle of each tile with the frame before.
func (y *tally) count(f *codec.Frame, now time.Time) {
	for _, tile := range y.viewer.Status().Layout.Tiles {
		r := image.Rect(tile.X, tile.Y, tile.X+tile.W, tile.Y+tile.H).Inset(min(tile.W, tile.H) / 3)
		c := y.tiles[tile.Name]
		if c == nil {
			c = &tileTally{}
			y.tiles[tile.Name] = c
		}
		brightness := int(f.Mean(r).Y)
		if diff := brightness - c.brightness; max(diff, -diff) > blinkStep/2 {
			c.brightness = brightness
			c.frames = append(c.frames, now)
		}
	}
}

// since returns when the frames of a camera arrived that arrived at start or later.
func (y *tally) since(camera string, start time.Time) []time.Time {
	y.mu.Lock()
	defer y.mu.Unlock()
	c := y.tiles[camera]
	if c == nil {
		return nil
	}
	i, _ := slices.BinarySearchFunc(c.frames, start, time.Time.Compare)
	return slices.Clone(c.frames[i:])
}

// plays tells whether the wall has shown frames of all of the first n cameras since start.
func (y *tally) plays(n int, start time.Time) bool {
	for i := range n {
		if len(y.since(cameraName(i), start)) < 3 {
			return false
		}
	}
	return true
}

// missing names the cameras among the first n of which the wall has shown less than 99 % of the frames since start.
func (y *tally) missing(n int, start time.Time) (names []string) {
	sent := blinkRate * time.Since(start).Seconds()
	for i := range n {
		if shown := len(y.since(cameraName(i), start)); float64(shown) < 0.99*sent-1 { // the last frame may be on its way
			names = append(names, fmt.Sprintf("%s: %d of %.1f frames are shown", cameraName(i), shown, sent))
		}
	}
	return names
}
