package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"azulejo/mixer/engine/layout"
)

// peerRun is what one run of ffmpeg took and wrote.
type peerRun struct {
	cpu  time.Duration // user and system
	size int64         // of its standard output
}

// peerVersion names the peer, or says that there is none.
func peerVersion(ctx context.Context, command string) (string, error) {
	out, err := exec.CommandContext(ctx, command, "-version").Output()
	if err != nil {
		return "", fmt.Errorf("bench: the peer %q: %w; install Debian's ffmpeg or name another with --ffmpeg", command, err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if f := strings.Fields(first); len(f) > 2 {
		return f[0] + " " + f[2], nil
	}
	return first, nil
}

// ffmpeg runs the peer's program and gives away what it writes to its standard output.
func (b *bench) ffmpeg(ctx context.Context, args ...string) (peerRun, error) {
	return b.ffmpegTo(ctx, io.Discard, args...)
}

// ffmpegTo runs the peer's program with out as its standard output.
func (b *bench) ffmpegTo(ctx context.Context, out io.Writer, args ...string) (peerRun, error) {
	args = append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y"}, args...)
	cmd := exec.CommandContext(ctx, b.FFmpeg, args...)
	var stderr bytes.Buffer
	written := &counter{to: out}
	cmd.Stdout, cmd.Stderr = written, &stderr
	if err := cmd.Run(); err != nil {
		return peerRun{}, fmt.Errorf("bench: %s %s: %w: %s", b.FFmpeg, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return peerRun{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), size: written.n}, nil
}

// counter counts what it hands on.
type counter struct {
	to io.Writer
	n  int64
}

// Write hands p on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

// keyDistance is how far key pictures are apart where nobody records and nobody asks for one: what our server has
// when it keeps to its default GOP.
const keyDistance = time.Minute

// x264 is the peer's encoder, set as ours is: the same preset and tuning, one thread (zerolatency would cut the
// picture into slices otherwise), no B-frames, key pictures as far apart and none where a scene changes, the same
// limit and buffer. bits a second is what it aims at; the limit is raised when that is more.
func (b *bench) x264(bits int) []string {
	limit := max(bits, b.Bitrate)
	return []string{
		"-an", "-c:v", "libx264", "-threads", "1", "-preset", b.Preset, "-tune", "zerolatency", "-profile:v", "baseline",
		"-g", strconv.Itoa(int(keyDistance.Seconds()) * b.FPS), "-sc_threshold", "0", "-b:v", strconv.Itoa(bits),
		"-maxrate", strconv.Itoa(limit), "-bufsize", strconv.Itoa(limit * 3 / 2),
	}
}

// realTime has ffmpeg read the input that follows no faster than it plays: a wall of live cameras cannot work ahead.
var realTime = []string{"-re"}

// peerInput is one input of the peer's wall: a file that is played in a loop, the first pictures left out.
type peerInput struct {
	file string
	skip int
	pace []string // realTime, or as fast as it can
}

// peerWall is the wall in ffmpeg's words: decode all, scale to the same tiles, stack, encode the same.
func (b *bench) peerWall(inputs []peerInput, pictures, bits int) []string {
	var args []string
	for _, in := range inputs {
		enough := float64(in.skip)/b.main.rate() + float64(pictures+1)/float64(b.FPS)
		args = append(append(args, in.pace...), "-stream_loop", "-1", "-t", fmt.Sprintf("%.3f", enough), "-i", in.file)
	}
	args = append(args, "-filter_complex", b.peerGraph(inputs), "-map", "[out]", "-frames:v", strconv.Itoa(pictures))
	return append(append(args, b.x264(bits)...), "-f", "h264", "-")
}

func (b *bench) peerGraph(inputs []peerInput) string {
	var graph, stack strings.Builder
	var places []string
	for i, r := range layout.Grid(len(inputs), b.Width, b.Height) {
		trim := ""
		if skip := inputs[i].skip; skip > 0 {
			trim = fmt.Sprintf("trim=start_frame=%d,setpts=PTS-STARTPTS,", skip)
		}
		fmt.Fprintf(&graph, "[%d:v]%sfps=%d,scale=%d:%d,setsar=1[t%d];", i, trim, b.FPS, r.W, r.H, i)
		fmt.Fprintf(&stack, "[t%d]", i)
		places = append(places, fmt.Sprintf("%d_%d", r.X, r.Y))
	}
	if len(inputs) > 1 {
		fmt.Fprintf(&graph, "%sxstack=inputs=%d:fill=black:layout=%s,", stack.String(), len(inputs), strings.Join(places, "|"))
	} else {
		graph.WriteString("[t0]")
	}
	fmt.Fprintf(&graph, "pad=%d:%d,format=yuv420p[out]", b.Width, b.Height)
	return graph.String()
}

// peerCost is what the peer's wall costs and writes per second of media.
type peerCost struct{ cpu, bits float64 }

// measurePeer runs the peer's wall over twice the length of our measurement. A run of a single picture is
// taken off: our server has started long before it is measured, too, and has sent its key picture, for which the
// peer's encoder has bits of its own besides.
func (b *bench) measurePeer(ctx context.Context, bits float64, pace []string) (peerCost, error) {
	inputs, err := b.peerInputs(ctx, pace)
	if err != nil {
		return peerCost{}, err
	}
	pictures := int(2 * b.Seconds * float64(b.FPS))
	start, err := b.ffmpeg(ctx, b.peerWall(inputs, 1, int(bits))...)
	if err != nil {
		return peerCost{}, err
	}
	args := b.peerWall(inputs, pictures, int(bits)+int(start.size*8)*b.FPS/pictures)
	if len(pace) > 0 {
		b.report.Peer.Command = b.FFmpeg + " " + strings.Join(args, " ")
	}
	whole, err := b.ffmpeg(ctx, args...)
	if err != nil {
		return peerCost{}, err
	}
	return peerCost{
		cpu:  (whole.cpu - start.cpu).Seconds() * float64(b.FPS) / float64(pictures-1),
		bits: float64((whole.size-start.size)*8) * float64(b.FPS) / float64(pictures-1),
	}, nil
}

// peerInputs are files that begin where the cameras do, as nearly as key pictures allow.
func (b *bench) peerInputs(ctx context.Context, pace []string) ([]peerInput, error) {
	inputs := make([]peerInput, b.Inputs)
	for i := range inputs {
		file, err := b.turn(ctx, b.main, b.main.keyBefore(len(b.main.packets)*i/b.Inputs))
		if err != nil {
			return nil, err
		}
		inputs[i] = peerInput{file: file, pace: pace}
	}
	return inputs, nil
}

// raw has ffmpeg make exactly want pictures of w by h and keeps their brightness.
func (b *bench) raw(ctx context.Context, w, h, want int, args ...string) ([]luma, error) {
	sink := &lumaSink{width: w, height: h}
	args = append(args, "-an", "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	if _, err := b.ffmpegTo(ctx, sink, args...); err != nil {
		return nil, err
	}
	if len(sink.done) != want {
		return nil, fmt.Errorf("bench: %s made %d pictures of %d: %s", b.FFmpeg, len(sink.done), want, strings.Join(args, " "))
	}
	return sink.done, nil
}

// lumaSink takes raw 4:2:0 pictures and keeps their first plane.
type lumaSink struct {
	width, height int
	done          []luma
	part          []byte // of the picture that is coming
}

// Write takes bytes of any number of pictures.
func (s *lumaSink) Write(p []byte) (int, error) {
	whole := s.width*s.height + 2*((s.width+1)/2)*((s.height+1)/2)
	for left := p; len(left) > 0; {
		n := min(len(left), whole-len(s.part))
		s.part, left = append(s.part, left[:n]...), left[n:]
		if len(s.part) == whole {
			pix := bytes.Clone(s.part[:s.width*s.height])
			s.done, s.part = append(s.done, luma{pix, s.width, s.width, s.height}), s.part[:0]
		}
	}
	return len(p), nil
}
