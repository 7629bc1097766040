package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"go.uber.org/goleak"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
	"azulejo/recorder/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The media are real: 21 s of a test pattern at 25 frames/s, and of a tone. With testEpoch the
// keyframes at 1.6 s + n·4 s lie on wall-clock multiples of 4 s, those at 3 s and 7 s between them.
const (
	testFPS   = 25
	keyframes = "0,1.6,3,5.6,7,9.6,13.6,17.6"
)

var testEpoch = time.Date(2026, 3, 1, 12, 0, 2, 400e6, time.UTC)

func command(name string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil && errs.Len() > 0 {
		err = errors.New("output on stderr")
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w: %s", name, err, errs.Bytes())
	}
	return out.Bytes(), nil
}

func encode(size string) ([]mixer.Packet, error) {
	raw, err := command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size="+size+":rate=25:duration=21",
		"-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "1000",
		"-sc_threshold", "0", "-force_key_frames", keyframes, "-x264-params", "aud=1:repeat-headers=1", "-f", "h264", "-")
	if err != nil {
		return nil, err
	}
	var out []mixer.Packet
	for i, au := range bytes.Split(raw, []byte{0, 0, 0, 1, 9})[1:] {
		au = append([]byte{0, 0, 0, 1, 9}, au...)
		out = append(out, mixer.Packet{
			Codec: mixer.H264, Data: au, PTS: time.Duration(i) * time.Second / testFPS,
			Duration: time.Second / testFPS, Key: bytes.Contains(au, []byte{0, 0, 1, 0x65}),
		})
	}
	return out, nil
}

func encodeTone() ([]mixer.Packet, error) {
	raw, err := command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=21",
		"-c:a", "aac", "-ac", "2", "-b:a", "96k", "-f", "adts", "-")
	if err != nil {
		return nil, err
	}
	var frames mpeg4audio.ADTSPackets
	if err := frames.Unmarshal(raw); err != nil {
		return nil, err
	}
	var out []mixer.Packet
	for i, f := range frames {
		out = append(out, mixer.Packet{
			Codec: mixer.AAC, Data: f.AU, Key: true, PTS: time.Duration(i) * 1024 * time.Second / 48000,
		})
	}
	return out, nil
}

type media struct{ video, small, audio []mixer.Packet }

var loadMedia = sync.OnceValues(func() (m media, err error) {
	if m.video, err = encode("320x240"); err != nil {
		return m, err
	}
	if m.small, err = encode("160x120"); err != nil {
		return m, err
	}
	m.audio, err = encodeTone()
	return m, err
})

func testMedia(t *testing.T) media {
	t.Helper()
	m, err := loadMedia()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.video) != 21*testFPS || len(m.audio) < 21*46 {
		t.Fatalf("%d video and %d audio packets generated", len(m.video), len(m.audio))
	}
	return m
}

// interleave merges packets in the order of their arrival when audio is late by that much.
func interleave(video, audio []mixer.Packet, late time.Duration) []mixer.Packet {
	out := slices.Concat(video, audio)
	arrival := func(p mixer.Packet) time.Duration {
		if p.Codec.IsVideo() {
			return p.PTS
		}
		return p.PTS + late
	}
	slices.SortStableFunc(out, func(a, b mixer.Packet) int { return int(arrival(a) - arrival(b)) })
	return out
}

// between keeps the packets with a time in [from, to).
func between(packets []mixer.Packet, from, to time.Duration) []mixer.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p mixer.Packet) bool { return p.PTS < from || p.PTS >= to })
}

// later moves packets in time.
func later(packets []mixer.Packet, by time.Duration) []mixer.Packet {
	out := slices.Clone(packets)
	for i := range out {
		out[i].PTS += by
	}
	return out
}

func newRecorder(t *testing.T, dir string, st store.Store) *Recorder {
	t.Helper()
	r, err := New(Config{Dir: dir, Queue: 1 << 16}, st, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func newDir(t *testing.T, path string) *store.Dir {
	t.Helper()
	d, err := store.NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// record writes packets to one recording and closes it.
func record(t *testing.T, r *Recorder, packets []mixer.Packet) RecordingStats {
	t.Helper()
	rec, err := r.Start("yard", "main", testEpoch)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		rec.WritePacket(p)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return rec.Stats()
}

// probed is one packet as ffprobe reports it, in ticks since 1970.
type probed struct {
	video   bool
	key     bool
	at, end int64
}

// probe lists a file's packets with Debian's ffprobe and decodes it with ffmpeg. Any output of the two
// on stderr fails the test.
func probe(t *testing.T, file []byte) []probed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.mp4")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := command("ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-"); err != nil {
		t.Error(err)
	}
	out, err := command("ffprobe", "-v", "warning", "-show_packets", "-of", "json", path)
	if err != nil {
		t.Error(err)
	}
	var doc struct {
		Packets []struct {
			Kind     string `json:"codec_type"`
			PTS      int64  `json:"pts"`
			DTS      int64  `json:"dts"`
			Duration int64  `json:"duration"`
			Flags    string `json:"flags"`
		} `json:"packets"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	var all []probed
	for _, p := range doc.Packets {
		if p.PTS != p.DTS {
			t.Errorf("pts %d, dts %d", p.PTS, p.DTS)
		}
		if p.Duration == 0 && p.Kind == "audio" {
			p.Duration = fmp4.AACFrame // ffprobe does not report the first one's
		}
		all = append(all, probed{p.Kind == "video", p.Flags[0] == 'K', p.PTS, p.PTS + p.Duration})
	}
	return all
}

func split(all []probed) (video, audio []probed) {
	for _, p := range all {
		if p.video {
			video = append(video, p)
		} else {
			audio = append(audio, p)
		}
	}
	return video, audio
}

// contiguous fails unless each packet starts at the end of the one before it.
func contiguous(t *testing.T, track string, all []probed) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if all[i].at != all[i-1].end {
			t.Errorf("%s: packet %d starts at %d, the one before ends at %d", track, i, all[i].at, all[i-1].end)
		}
	}
}

// eventually polls until ok, and fails after 30 s.
func eventually(t *testing.T, condition string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s", condition)
		}
	}
}
