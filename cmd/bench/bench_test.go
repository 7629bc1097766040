package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"azulejo/cmd/internal/cmdtest"
	"azulejo/cmd/internal/load"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

func TestMedian(t *testing.T) {
	v := []float64{5, 1, 9}
	if got := median(v); got != 5 || v[0] != 5 {
		t.Errorf("median of %v is %g", v, got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median of four is %g; want 2.5", got)
	}
	if median(nil) != 0 {
		t.Error("median of nothing is not 0")
	}
}

func TestFitLine(t *testing.T) {
	x := []float64{1, 4, 9, 16, 25}
	exact := make([]float64, len(x))
	for i := range x {
		exact[i] = 0.2 + 0.03*x[i]
	}
	l := fitLine(x, exact)
	if math.Abs(l.base-0.2) > 1e-12 || math.Abs(l.slope-0.03) > 1e-12 || l.misfit(x, exact) > 1e-12 {
		t.Errorf("line through a line: %+v, misfit %g", l, l.misfit(x, exact))
	}
	// y = 1, 2, 2 at x = 0, 1, 2: slope 1/2, base 7/6, farthest is the middle by 1/3.
	l = fitLine([]float64{0, 1, 2}, []float64{1, 2, 2})
	if m := l.misfit([]float64{0, 1, 2}, []float64{1, 2, 2}); math.Abs(l.slope-0.5) > 1e-12 || math.Abs(m-1./3) > 1e-12 {
		t.Errorf("line %+v, misfit %g; want slope 1/2, misfit 1/3", l, m)
	}
	if l := fitLine([]float64{3, 3}, []float64{1, 2}); l.slope != 0 || l.base != 1.5 {
		t.Errorf("line through one place is %+v", l)
	}
}

func TestLinearRow(t *testing.T) {
	b := &bench{command: &command{Linear: []int{1, 4, 9, 16, 25}}}
	parts := map[string]float64{}
	for _, n := range b.Linear {
		parts[inputsPart(n)] = 0.3 + 0.05*float64(n)
	}
	if got := b.sumLinear(parts); got > 1e-9 {
		t.Errorf("a straight cost is %g %% off", got)
	}
	parts["inputs25"] *= 2 // a cost that grows faster
	if got := b.sumLinear(parts); got < 10 {
		t.Errorf("a bent cost is only %g %% off", got)
	}
}

// noise is a frame of random pixels that keeps its values between calls with the same seed.
func noise(seed uint64, w, h int) luma {
	r := rand.New(rand.NewPCG(seed, 1))
	pix := make([]byte, w*h)
	for i := range pix {
		pix[i] = byte(r.UintN(256))
	}
	return luma{pix, w, w, h}
}

func TestSSIM(t *testing.T) {
	a := noise(1, 64, 48)
	if s, err := ssim(a, a); err != nil || math.Abs(s-1) > 1e-12 {
		t.Errorf("a frame is %g like itself, %v", s, err)
	}
	if s, err := ssim(a, noise(2, 64, 48)); err != nil || math.Abs(s) > 0.05 {
		t.Errorf("noise is %g like other noise, %v; want about 0", s, err)
	}
	if _, err := ssim(a, noise(1, 64, 40)); err == nil {
		t.Error("frames of different sizes were compared")
	}
	wide := noise(1, 80, 60)
	part := wide.crop(10, 6, 64, 48)
	flat := luma{make([]byte, 64*48), 64, 64, 48}
	for y := range 48 {
		copy(flat.pix[y*64:][:64], wide.pix[(y+6)*80+10:])
	}
	if s, err := ssim(part, flat); err != nil || s != 1 {
		t.Errorf("a part is %g like its copy, %v", s, err)
	}
}

// TestSSIMIsFFmpegs compares two encodes of the same frames, as FFmpeg's own filter does.
func TestSSIMIsFFmpegs(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.mp4"), filepath.Join(dir, "bad.mp4")
	for name, quality := range map[string]string{good: "10", bad: "38"} {
		cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=322x182:rate=5:duration=2", "-pix_fmt", "yuv420p",
			"-c:v", "libx264", "-bf", "0", "-crf", quality, name)
	}
	log := filepath.Join(dir, "ssim.txt")
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", good, "-i", bad, "-lavfi", "ssim=stats_file="+log, "-f", "null", "-")
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	b := testBench(t)
	a, err1 := b.lumaFrames(t.Context(), 322, 182, len(lines), "-i", good)
	z, err2 := b.lumaFrames(t.Context(), 322, 182, len(lines), "-i", bad)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		_, y, _ := strings.Cut(line, "Y:")
		y, _, _ = strings.Cut(y, " ")
		want, err := strconv.ParseFloat(y, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ssim(a[i], z[i])
		if err != nil || math.Abs(got-want) > 2e-5 || want > 0.99 {
			t.Errorf("frame %d: %.6f, %v; FFmpeg says %.6f", i, got, err, want)
		}
	}
}

// testBench is a bench that can run ffmpeg.
func testBench(t *testing.T) *bench {
	return &bench{command: &command{FFmpeg: "ffmpeg", Width: 320, Height: 180, FPS: 15, Bitrate: 300_000, Preset: "ultrafast", Inputs: 4}, dir: t.TempDir()}
}

// TestTilesAreAligned shows tiles that repeat, skip and wrap, over a background that must not matter.
func TestTilesAreAligned(t *testing.T) {
	films := make([]luma, 40)
	for i := range films {
		films[i] = noise(uint64(i), 32, 16)
	}
	tiles := []layout.Rect{{X: 0, Y: 2, W: 32, H: 16}, {X: 34, Y: 2, W: 32, H: 16}}
	shown := [][]int{{37, 38, 38, 39, 1, 2, 3}, {5, 6, 7, 8, 8, 30, 31}} // the last one jumps
	var frames []luma
	for i := range shown[0] {
		p := noise(1000+uint64(i), 70, 20)
		for k, r := range tiles {
			film := films[shown[k][i]]
			for y := range r.H {
				copy(p.pix[(r.Y+y)*p.stride+r.X:][:r.W], film.pix[y*film.stride:])
			}
		}
		frames = append(frames, p)
	}
	mean, begin, err := compareTiles(frames, films, tiles)
	if err != nil || math.Abs(mean-1) > 1e-12 || begin[0] != 37 || begin[1] != 5 {
		t.Errorf("aligned at %v with %g, %v; want [37 5] with 1", begin, mean, err)
	}
	tracker := newTracker(films)
	for i, want := range shown[1] {
		r := tiles[1]
		if at, s, err := tracker.match(frames[i].crop(r.X, r.Y, r.W, r.H)); at != want || s != 1 || err != nil {
			t.Errorf("frame %d shows %d with %g, %v; want %d", i, at, s, err, want)
		}
	}
}

func TestClipTurns(t *testing.T) {
	c := &load.Clip{Length: 400, Packets: []mixer.Packet{{PTS: 0, Key: true}, {PTS: 100}, {PTS: 200, Key: true}, {PTS: 300}}}
	turned := c.From(3)
	var got []int
	for _, p := range turned.Packets {
		got = append(got, int(p.PTS))
	}
	if fmt.Sprint(got) != "[0 100 200 300]" || !turned.Packets[1].Key || turned.Packets[0].Key {
		t.Errorf("turned to %v, %+v", got, turned.Packets)
	}
	if f := (&footage{Clip: c}); f.keyBefore(1) != 0 || f.keyBefore(2) != 2 || f.keyBefore(3) != 2 {
		t.Errorf("keyframes before 1, 2, 3: %d, %d, %d", f.keyBefore(1), f.keyBefore(2), f.keyBefore(3))
	}
}

func TestStatusIsRead(t *testing.T) {
	status := []byte("Name:\tazulejo\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nThreads:\t9\n")
	if hwm, rss := parseStatus(status, "VmHWM"), parseStatus(status, "VmRSS"); hwm != 200 || rss != 100 {
		t.Errorf("200 and 100 MiB were read as %g and %g", hwm, rss)
	}
}

func TestMemoryParts(t *testing.T) {
	var samples []memorySample
	for i := range 100 {
		samples = append(samples, memorySample{float64(i), 100 + float64(i)/60})
	}
	p := memoryParts(samples)
	if math.Abs(p["trend"]-1) > 1e-9 || p["end"]-p["start"] < 1.4 || p["end"]-p["start"] > 1.6 {
		t.Errorf("one MiB a minute is %v", p)
	}
	if p := memoryParts(samples[:1]); p["start"] != 100 || p["end"] != 100 || p["trend"] != 0 {
		t.Errorf("one sample is %v", p)
	}
}

func TestReportRows(t *testing.T) {
	spec := rowSpec{title: "wall", goal: 0.7, note: func(p map[string]float64) string { return fmt.Sprintf("%.1f s", p["cpu"]) }}
	rounds := []figure{{0.705, map[string]float64{"cpu": 3}}, {0.69, map[string]float64{"cpu": 1}}, {0.8, map[string]float64{"cpu": 2}}}
	for _, c := range []struct {
		row  row
		want string
	}{
		{newRow("wall", spec, rounds, nil), "| wall: 2.0 s | 0.705 | 0.690–0.800 of 3 | ≤ 0.7 | no |\n"},
		{newRow("wall", spec, rounds[1:2], nil), "| wall: 1.0 s | 0.690 | 0.690–0.690 of 1 | ≤ 0.7 | yes |\n"},
		{newRow("wall", spec, nil, errors.New("no wall")), "| wall | not measured: no wall | | ≤ 0.7 | no |\n"},
		{newRow("m", rowSpec{title: "memory", unit: unitMiB, goal: 250}, []figure{{Value: 123.4}}, nil), "| memory | 123 MiB | 123 MiB–123 MiB of 1 | ≤ 250 MiB | yes |\n"},
		{newRow("w", rowSpec{title: "webrtc"}, []figure{{Value: 1}}, nil), "| webrtc | 1.000 | 1.000–1.000 of 1 |  |  |\n"},
		{
			newRow("l", rowSpec{title: "x", unit: unitPercent, goal: 10, sum: func(map[string]float64) float64 { return 12 }}, []figure{{Value: 3}}, nil),
			"| x | 12.0 % | 3.0 %–3.0 % of 1 | ≤ 10 % | no |\n",
		},
	} {
		if got := c.row.line(); got != c.want {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

// TestVerdict: more than half of the rounds must succeed.
func TestVerdict(t *testing.T) {
	var f findings
	f.add([]figure{{Value: 1}, {Value: 10}}, nil)
	f.add(nil, errors.New("busy"))
	if f.verdict() == nil {
		t.Error("one of two rounds counts")
	}
	f.add([]figure{{Value: 2}, {Value: 20}}, nil)
	if err := f.verdict(); err != nil {
		t.Errorf("two of three rounds do not count: %v", err)
	}
	if c := f.column(1); len(c) != 2 || c[0].Value != 10 || c[1].Value != 20 {
		t.Errorf("the second row's figures are %v", c)
	}
}

func TestPeerGraph(t *testing.T) {
	b := testBench(t)
	want := "[0:v]fps=15,scale=160:90,setsar=1[t0];[1:v]trim=start_frame=7,setpts=PTS-STARTPTS,fps=15,scale=160:90,setsar=1[t1];" +
		"[t0][t1]xstack=inputs=2:fill=black:layout=0_44|160_44,pad=320:180,format=yuv420p[out]"
	if got := b.peerGraph([]peerInput{{file: "a"}, {file: "b", skip: 7}}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := b.peerGraph([]peerInput{{file: "a"}}); got != "[0:v]fps=15,scale=320:180,setsar=1[t0];[t0]pad=320:180,format=yuv420p[out]" {
		t.Errorf("one input: %s", got)
	}
}

// makeFootage is a moving frame with a keyframe every second.
func makeFootage(t *testing.T, size string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), size+".mp4")
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=15:duration=4", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-bf", "0", "-g", "15", name)
	return name
}

// TestPeerBeginsAnywhere has the peer begin at frames that are no keyframes, and finds them again.
func TestPeerBeginsAnywhere(t *testing.T) {
	b := testBench(t)
	var err error
	if b.main, err = readFootage(makeFootage(t, "320x180")); err != nil {
		t.Fatal(err)
	}
	if got := b.main.String(); got != "320x180@15" {
		t.Errorf("footage is %s", got)
	}
	b.Seconds, b.Bitrate = 1, 2_000_000
	tiles := layout.Grid(4, 320, 180)
	films, err := b.scaledFrames(t.Context(), b.main, tiles[0].W, tiles[0].H)
	if err != nil {
		t.Fatal(err)
	}
	begin := []int{0, 7, 31, 59}
	inputs, err := b.peerInputsAt(t.Context(), begin)
	if err != nil {
		t.Fatal(err)
	}
	w := codedWall{filepath.Join(b.dir, "peer.h264"), b.leadFrames() + 15, b.leadFrames()}
	if _, err = b.peerEncode(t.Context(), w, inputs, 2_000_000); err != nil {
		t.Fatal(err)
	}
	q, got, err := b.measureQuality(t.Context(), w, films, tiles)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(begin) || q.ssim < 0.9 {
		t.Errorf("begins at %v with %.4f, %v; want %v", got, q.ssim, err, begin)
	}
}

func TestUnsuitableFootage(t *testing.T) {
	dir := t.TempDir()
	vp8, reordered := filepath.Join(dir, "vp8.mkv"), filepath.Join(dir, "b.mp4")
	source := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=15:duration=1", "-pix_fmt", "yuv420p"}
	cmdtest.Tool(t, "ffmpeg", append(source[:len(source):len(source)], "-c:v", "libvpx", vp8)...)
	cmdtest.Tool(t, "ffmpeg", append(source[:len(source):len(source)], "-c:v", "libx264", "-bf", "2", reordered)...)
	for name, want := range map[string]string{vp8: "accepted for a bench is h264", reordered: "B-frames"} {
		if _, err := readFootage(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error that says %s", name, err, want)
		}
	}
}

func TestBenchRefuses(t *testing.T) {
	clip := makeFootage(t, "160x90")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--ffmpeg", "/nowhere/ffmpeg", clip}, 1, "install Debian's ffmpeg"},
		{[]string{"--only", "wall,roof", clip}, 2, `--only: "roof": accepted are wall, sub`},
		{[]string{"--inputs", "0", clip}, 2, "--inputs: 0: accepted are 1 to 25"},
		{[]string{"--rounds", "0", clip}, 2, "--rounds: 0: accepted are 1 to 25"},
		{[]string{"--linear", "9", clip}, 2, "--linear: [9]: accepted are two or more of 1 to 25"},
		{[]string{"--memory", "1ms", clip}, 2, "--memory: 1ms: accepted are 1s to 24h"},
		{[]string{"--pairs", "8", clip}, 2, "--pairs: 8: accepted are 9 to 99"},
		{[]string{"--against", serverProgram, "--only", "ssim", clip}, 2, `--only: "ssim": accepted with --against are wall, sub, viewers, views, memory`},
		{[]string{"--against", serverProgram, "--only", "wall,sub", clip}, 2, "--only: sub: SUBFILE"},
		{[]string{"--matrix", "--only", "wall", clip}, 2, "--matrix: accepted without --against and without --only"},
		{[]string{"--server", "/bin/false", "--matrix", clip}, 1, "bench: not measured: wall"},
		{[]string{"--server", "/bin/false", "--against", "/bin/false", "--only", "wall", clip}, 1, "bench: not measured: wall"},
	} {
		var stderr bytes.Buffer
		cmd := exec.Command(program, c.args...)
		cmd.Stderr = &stderr
		if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v: %v: %s; want code %d and %s", c.args, err, stderr.String(), c.code, c.want)
		}
	}
}
