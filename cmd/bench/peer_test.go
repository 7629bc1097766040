package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"azulejo/cmd/internal/load"
	"azulejo/codec"
	"azulejo/mixer"
)

// x264Options reads the options that x264 writes in front of its first frame.
func x264Options(t *testing.T, stream []byte) map[string]string {
	t.Helper()
	_, text, found := bytes.Cut(stream, []byte(" - options: "))
	text, _, _ = bytes.Cut(text, []byte{0})
	options := map[string]string{}
	for _, pair := range strings.Fields(string(text)) {
		key, value, _ := strings.Cut(pair, "=")
		options[key] = value
	}
	if !found || options["scenecut"] == "" {
		t.Fatalf("no options of x264: %q", text)
	}
	return options
}

// TestPeerIsSetAsOurs holds what x264 says of both encoders side by side, which may differ in the rate control alone,
// and cuts to another scene.
func TestPeerIsSetAsOurs(t *testing.T) {
	b := testBench(t)
	b.Preset = "superfast"
	e, err := codec.NewVideoEncoder(codec.VideoConfig{
		Codec: mixer.H264, Width: b.Width, Height: b.Height, FPS: b.FPS, Bitrate: b.Bitrate, Quality: 23, Preset: b.Preset,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(b.Width, b.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	coded, err := e.Encode(f, 0, true)
	if err != nil || len(coded) != 1 {
		t.Fatalf("%d packets, %v", len(coded), err)
	}
	ours := x264Options(t, coded[0].Data)

	name := filepath.Join(b.dir, "peer.h264")
	source := []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=61,negate=enable='gte(t,3)'"}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ffmpegTo(t.Context(), file, append(append(source, "-pix_fmt", "yuv420p"), append(b.x264(b.Bitrate), "-f", "h264", "-")...)...)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := load.ReadClip(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Keyframes(); fmt.Sprint(got) != "[0 900]" {
		t.Errorf("keyframes are %v of %d; want the first of each minute", got, len(c.Packets))
	}
	peer := x264Options(t, c.Packets[0].Data)
	for _, own := range []string{"keyint", "keyint_min", "rc", "crf", "bitrate", "ratetol", "crf_max"} {
		delete(ours, own)
		delete(peer, own)
	}
	if !maps.Equal(ours, peer) {
		t.Errorf("ours  %v\npeer's %v", ours, peer)
	}
}
