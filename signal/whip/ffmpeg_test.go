package whip_test

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"azulejo/codec"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/signaltest/await"
)

// clip is a file of one colour, with a moving box along the top, and a tone of 440 Hz.
func clip(t *testing.T, rgb string) (file string, colour codec.Colour) {
	t.Helper()
	file = filepath.Join(t.TempDir(), rgb+".mkv")
	out, err := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "error",
		"-f", "lavfi", "-i", "color=0x"+rgb+":s=320x180:r=10:d=4,drawbox=x='mod(t*40,300)':y=0:w=16:h=16:color=white:t=fill",
		"-f", "lavfi", "-i", "sine=440:r=48000:d=4",
		"-c:v", "libx264", "-profile:v", "baseline", "-bf", "0", "-g", "10", "-pix_fmt", "yuv420p",
		"-af", "volume=12dB", "-c:a", "libopus", "-ac", "2", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := hex.DecodeString(rgb)
	if err != nil {
		t.Fatal(err)
	}
	return file, codec.RGB(b[0], b[1], b[2])
}

// encoder publishes a file with FFmpeg's WHIP muxer until stop, or the end of the test.
func encoder(t *testing.T, file, url, token string) (stop func(os.Signal)) {
	t.Helper()
	cmd := exec.Command("ffmpeg-whip", "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", file,
		"-c", "copy", "-authorization", token, "-f", "whip", url)
	cmd.Stderr = &complaints{t: t}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/ffmpeg whip builds it, scripts/env finds it)", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // by a signal
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	return func(s os.Signal) {
		if err := cmd.Process.Signal(s); err != nil {
			t.Errorf("signal the encoder: %v", err)
		}
		<-ended
	}
}

// TestFFmpeg: FFmpeg's WHIP muxer publishes; after it was killed, another one gets the same place at once; aiortc watches.
func TestFFmpeg(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	first, blue := clip(t, "3060c0")
	second, red := clip(t, "c04030")
	pass := authtest.Named(t, "yard", "gate", auth.Publish)
	viewer := runTool(t, "view", s.url+"/whep/yard?token="+authtest.Token(t, "yard", auth.View))
	stop := encoder(t, first, s.url+"/whip/yard/gate", pass)
	await.Until(t, "the first colour", viewer.sees(width, height, blue))
	await.Until(t, "the tone", viewer.hears(440))
	id := s.people()[0].ID
	stop(os.Kill)
	stop = encoder(t, second, s.url+"/whip/yard/gate", pass)
	await.Until(t, "the second colour, alone", viewer.sees(width, height, red))
	if who := s.people(); len(who) != 1 || who[0].ID != id || who[0].Away {
		t.Errorf("the room has %+v; want one, with the id %s", who, id)
	}
	stop(os.Interrupt)
	await.Until(t, "the place is empty", func() bool { return s.names() == "" })
}
