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

// peerRun is the CPU time and the output of one run of ffmpeg.
type peerRun struct {
	cpu  time.Duration // user and system
	size int64         // of its standard output
}

// peerVersion is the name and version of the peer.
func peerVersion(ctx context.Context, command string) (string, error) {
	out, err := exec.CommandContext(ctx, command, "-version").Output()
	if err != nil {
		return "", fmt.Errorf("the peer %q: %w; install Debian's ffmpeg or name another with --ffmpeg", command, err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if f := strings.Fields(first); len(f) > 2 {
		return f[0] + " " + f[2], nil
	}
	return first, nil
}

// ffmpeg runs the peer's program and discards its standard output.
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
		return peerRun{}, fmt.Errorf("%s %s: %w: %s", b.FFmpeg, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return peerRun{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), size: written.n}, nil
}

// counter counts the bytes that it passes on.
type counter struct {
	to io.Writer
	n  int64
}

// Write passes p on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

// keyDistance is the time between keyframes of our server without recordings and without requests: its default GOP.
const keyDistance = time.Minute

// x264 are the options by which the peer's encoder has the settings of ours: the same preset and tuning, one thread
// (with more, zerolatency cuts the frame into slices), no B-frames, the same keyframe distance, no keyframes at scene
// changes, the same limit and buffer. The encoder aims at bits a second; the limit is raised when that is more.
func (b *bench) x264(bits int) []string {
	limit := max(bits, b.Bitrate)
	return []string{
		"-an", "-c:v", "libx264", "-threads", "1", "-preset", b.Preset, "-tune", "zerolatency", "-profile:v", "baseline",
		"-g", strconv.Itoa(int(keyDistance.Seconds()) * b.FPS), "-sc_threshold", "0", "-b:v", strconv.Itoa(bits),
		"-maxrate", strconv.Itoa(limit), "-bufsize", strconv.Itoa(limit * 3 / 2),
	}
}

// realTime makes ffmpeg read the next input no faster than it plays: a wall of live cameras cannot work ahead.
var realTime = []string{"-re"}

// peerInput is one input of the peer's wall: a file that is played in a loop, without its first frames.
type peerInput struct {
	file string
	skip int
	pace []string // realTime; nil: as fast as the peer can
}

// peerWall are ffmpeg's arguments for the wall: decode all inputs, scale them to the same tiles, stack them, encode with
// the same settings.
func (b *bench) peerWall(inputs []peerInput, frames, bits int) []string {
	var args []string
	for _, in := range inputs {
		enough := float64(in.skip)/b.main.FPS() + float64(frames+1)/float64(b.FPS)
		args = append(append(args, in.pace...), "-stream_loop", "-1", "-t", fmt.Sprintf("%.3f", enough), "-i", in.file)
	}
	args = append(args, "-filter_complex", b.peerGraph(inputs), "-map", "[out]", "-frames:v", strconv.Itoa(frames))
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

// peerCost is the CPU seconds and the bits of the peer's wall per second of media.
type peerCost struct{ cpu, bits float64 }

// measurePeer runs the peer's wall for twice the length of our measurement. The cost of a run of a single frame is
// subtracted: our server is measured long after its start and after its keyframe. The bits of the peer's keyframe are
// added to the bitrate that its encoder aims at.
func (b *bench) measurePeer(ctx context.Context, bits float64, pace []string) (peerCost, error) {
	inputs, err := b.peerInputs(ctx, pace)
	if err != nil {
		return peerCost{}, err
	}
	frames := int(2 * b.Seconds * float64(b.FPS))
	start, err := b.ffmpeg(ctx, b.peerWall(inputs, 1, int(bits))...)
	if err != nil {
		return peerCost{}, err
	}
	args := b.peerWall(inputs, frames, int(bits)+int(start.size*8)*b.FPS/frames)
	if len(pace) > 0 {
		b.report.Peer.Command = b.FFmpeg + " " + strings.Join(args, " ")
	}
	whole, err := b.ffmpeg(ctx, args...)
	if err != nil {
		return peerCost{}, err
	}
	return peerCost{
		cpu:  (whole.cpu - start.cpu).Seconds() * float64(b.FPS) / float64(frames-1),
		bits: float64((whole.size-start.size)*8) * float64(b.FPS) / float64(frames-1),
	}, nil
}

// peerInputs are files that start at the last keyframe before the places where the cameras start.
func (b *bench) peerInputs(ctx context.Context, pace []string) ([]peerInput, error) {
	inputs := make([]peerInput, b.Inputs)
	for i := range inputs {
		file, err := b.rotate(ctx, b.main, b.main.keyBefore(len(b.main.Packets)*i/b.Inputs))
		if err != nil {
			return nil, err
		}
		inputs[i] = peerInput{file: file, pace: pace}
	}
	return inputs, nil
}

// raw runs ffmpeg, which must output exactly want frames of w by h, and returns their luma planes.
func (b *bench) raw(ctx context.Context, w, h, want int, args ...string) ([]luma, error) {
	sink := &lumaSink{width: w, height: h}
	args = append(args, "-an", "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	if _, err := b.ffmpegTo(ctx, sink, args...); err != nil {
		return nil, err
	}
	if len(sink.done) != want {
		return nil, fmt.Errorf("%s made %d frames of %d: %s", b.FFmpeg, len(sink.done), want, strings.Join(args, " "))
	}
	return sink.done, nil
}

// lumaSink is a writer of raw 4:2:0 frames that keeps their first plane.
type lumaSink struct {
	width, height int
	done          []luma
	part          []byte // of the incomplete frame
}

// Write accepts bytes of any number of frames.
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
