package codec

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"azulejo/mixer"
)

// foreign are the codecs that are decoded but not encoded here, and the encoders for them in Debian's ffmpeg.
var foreign = map[mixer.Codec][]string{
	mixer.H265: {"libx265", "-x265-params", "bframes=0:log-level=none"},
	mixer.VP9:  {"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"},
	mixer.AV1:  {"libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-lag-in-frames", "0"},
}

// makeClip has ffmpeg write one second of a test pattern and a tone.
func makeClip(t *testing.T, name, size string, encoder ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	args := append([]string{
		"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=10:duration=1:size=" + size,
		"-f", "lavfi", "-i", "sine=frequency=600:sample_rate=48000:duration=1", "-c:a", "aac", "-c:v",
	}, append(encoder, file)...)
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	return file
}

// readAll returns the video and the audio packets of a file, which lasts 1 s.
func readAll(t *testing.T, name string) (video, audio []mixer.Packet) {
	t.Helper()
	f, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d := f.Duration(); (d - time.Second).Abs() > 150*time.Millisecond {
		t.Errorf("%s lasts %v, want 1 s", name, d)
	}
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			return video, audio
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Codec.IsVideo() {
			video = append(video, p)
		} else {
			audio = append(audio, p)
		}
	}
}

// TestForeignFormats decodes streams of other encoders: with a change of size, garbage and a flush.
func TestForeignFormats(t *testing.T) {
	for id, encoder := range foreign {
		t.Run(string(id), func(t *testing.T) {
			noLeak(t)
			d := videoDecoder(t, id)
			for _, size := range []struct {
				name string
				w, h int
			}{{"160x96", 160, 96}, {"320x180", 320, 180}} {
				video, _ := readAll(t, makeClip(t, "clip.mkv", size.name, encoder...))
				if len(video) != 10 || video[0].Codec != id || !video[0].Key {
					t.Fatalf("%d packets, the first is %+v", len(video), video[0].Codec)
				}
				if n := decodeAll(t, d, video, size.w, size.h); n != 10 {
					t.Errorf("%d frames of 10 at %s", n, size.name)
				}
				if frames, err := d.Decode(mixer.Packet{Codec: id, Key: true, Data: bytes.Repeat([]byte{0x5a, 0xc3}, 400)}); len(frames) != 0 || err != nil && !errors.Is(err, mixer.ErrInvalidData) {
					t.Errorf("garbage gave %d frames and %v", len(frames), err)
				}
			}
			d.Close()
			d.Close()
			if _, err := d.Flush(); !errors.Is(err, mixer.ErrClosed) {
				t.Errorf("flush after close gave %v", err)
			}
		})
	}
}

// decodeAll decodes and flushes, and counts the frames. All of them must have the size.
func decodeAll(t *testing.T, d *VideoDecoder, packets []mixer.Packet, w, h int) (n int) {
	t.Helper()
	count := func(frames []*Frame, err error) {
		if err != nil {
			t.Error(err)
		}
		for _, f := range frames {
			if f.Width() != w || f.Height() != h {
				t.Errorf("a frame of %dx%d, want %dx%d", f.Width(), f.Height(), w, h)
			}
			f.Close()
			n++
		}
	}
	for _, p := range packets {
		count(d.Decode(p))
	}
	count(d.Flush())
	return n
}

func TestFileOrdersAndConverts(t *testing.T) {
	noLeak(t)
	name := makeClip(t, "clip.mp4", "160x96", "libx264", "-bf", "2")
	video, audio := readAll(t, name)
	for _, p := range append(video, audio...) {
		if hasConfig := len(p.Config) > 0; hasConfig != (p.Codec == mixer.AAC) {
			t.Fatalf("a packet of %s has the configuration % x", p.Codec, p.Config)
		}
	}
	if len(video) != 10 || len(audio) < 40 {
		t.Fatalf("%d frames and %d audio packets", len(video), len(audio))
	}
	if !bytes.HasPrefix(video[0].Data, []byte{0, 0, 0, 1}) {
		t.Errorf("H.264 begins with % x, want Annex B", video[0].Data[:8])
	}
	early := 0
	for i := 1; i < len(video); i++ {
		if video[i].DTS < video[i-1].DTS {
			t.Errorf("packet %d is out of decoding order", i)
		}
		if video[i].PTS < video[i-1].PTS {
			early++
		}
	}
	if early == 0 {
		t.Error("no frame is out of presentation order: the clip has no B-frames, the test proves nothing")
	}
	if n := decodeAll(t, videoDecoder(t, mixer.H264), video, 160, 96); n != 10 {
		t.Errorf("%d frames of 10", n)
	}
}

func TestOpenFileNamesTheFile(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no media here\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{text, filepath.Join(t.TempDir(), "none.mp4")} {
		f, err := OpenFile(name)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(name)) {
			t.Errorf("%s gave %v, want an error that names it", name, err)
		}
		f.Close()
	}
}
