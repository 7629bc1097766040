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

// peerRun is the CPU time and the size of the output of one run of ffmpeg, the peer.
type peerRun struct {
	cpu  time.Duration // user and system
	size int64         // bytes on standard output
}

// peerVersion returns the name and version of the ffmpeg that command runs.
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

// ffmpeg runs ffmpeg with args and discards its standard output.
func (b *bench) ffmpeg(ctx context.Context, args ...string) (peerRun, error) {
	return b.ffmpegTo(ctx, io.Discard, args...)
}

// ffmpegTo runs ffmpeg with args and writes its standard output to out.
func (b *bench) ffmpegTo(ctx context.Context, out io.Writer, args ...string) (peerRun, error) {
	args = append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y"}, args...)
	cmd := exec.CommandContext(ctx, b.FFmpeg, args...)
	var stderr bytes.Buffer
	written := &counter{out: out}
	cmd.Stdout, cmd.Stderr = written, &stderr
	if err := cmd.Run(); err != nil {
		return peerRun{}, fmt.Errorf("%s %s: %w: %s", b.FFmpeg, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return peerRun{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), size: written.n}, nil
}

// counter is a writer that counts bytes and writes them to out.
type counter struct {
	out io.Writer
	n   int64
}

// Write writes p to out and counts the written bytes.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	return n, err
}

// keyDistance is the time between two keyframes of the server if it records nothing and no client requests a keyframe. It is
// the length of a stretch: 15 GOPs of 4 s by default.
const keyDistance = time.Minute

// x264 returns the options that give ffmpeg's encoder the settings of the server's encoder. These are the same preset and
// tuning, no B-frames, the same keyframe distance, no keyframes at scene changes, and the same bitrate limit and buffer. The
// encoder has one thread, because zerolatency with more threads cuts the frame into slices. bitrate is the encoder's target in
// bits a second. If bitrate exceeds the limit, it is also the limit.
func (b *bench) x264(bitrate int) []string {
	limit := max(bitrate, b.Bitrate)
	return []string{
		"-an", "-c:v", "libx264", "-threads", "1", "-preset", b.Preset, "-tune", "zerolatency", "-profile:v", "baseline",
		"-g", strconv.Itoa(int(keyDistance.Seconds()) * b.FPS), "-sc_threshold", "0", "-b:v", strconv.Itoa(bitrate),
		"-maxrate", strconv.Itoa(limit), "-bufsize", strconv.Itoa(limit * 3 / 2),
	}
}

// realTime are the options with which ffmpeg reads the next input at the input's own frame rate. The server cannot work ahead
// either, since its cameras are live.
var realTime = []string{"-re"}

// peerInput is one input of ffmpeg's wall: a file that ffmpeg plays in a loop.
type peerInput struct {
	file string
	skip int      // number of frames left out at the start
	pace []string // realTime; nil: as fast as ffmpeg can
}

// peerWall returns ffmpeg's arguments for its wall. With them, ffmpeg decodes all inputs, scales them to the tiles of the
// server's wall and stacks them. It encodes that number of frames with the settings of the server's encoder. bitrate is in
// bits a second.
func (b *bench) peerWall(inputs []peerInput, frames, bitrate int) []string {
	var args []string
	for _, input := range inputs {
		seconds := float64(input.skip)/b.main.FPS() + float64(frames+1)/float64(b.FPS)
		args = append(append(args, input.pace...), "-stream_loop", "-1", "-t", fmt.Sprintf("%.3f", seconds), "-i", input.file)
	}
	args = append(args, "-filter_complex", b.peerGraph(inputs), "-map", "[out]", "-frames:v", strconv.Itoa(frames))
	return append(append(args, b.x264(bitrate)...), "-f", "h264", "-")
}

// peerGraph returns the filter graph of peerWall.
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

// peerCost has the CPU seconds and the bits of ffmpeg's wall, both per second of media.
type peerCost struct{ cpu, bits float64 }

// measurePeer measures ffmpeg's wall at bitrate, in bits a second. It encodes media of twice the length of b.Seconds. First it
// runs ffmpeg for a single frame, a keyframe, and later subtracts the cost of this run. The cost includes neither the start
// of ffmpeg nor the keyframe, as in the measurement of the server. The encoder's target is raised by the bits of the keyframe,
// so that the other frames reach bitrate.
func (b *bench) measurePeer(ctx context.Context, bitrate float64, pace []string) (peerCost, error) {
	inputs, err := b.peerInputs(ctx, pace)
	if err != nil {
		return peerCost{}, err
	}
	frames := int(2 * b.Seconds * float64(b.FPS))
	start, err := b.ffmpeg(ctx, b.peerWall(inputs, 1, int(bitrate))...)
	if err != nil {
		return peerCost{}, err
	}
	args := b.peerWall(inputs, frames, int(bitrate)+int(start.size*8)*b.FPS/frames)
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

// peerInputs returns one input for each camera. The file of the input starts at a keyframe: the last one that is not after the
// first frame of the camera.
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

// lumaFrames runs ffmpeg with args and returns the luma planes of its output frames, which must have w by h pixels. It returns an
// error unless ffmpeg makes exactly want frames.
func (b *bench) lumaFrames(ctx context.Context, w, h, want int, args ...string) ([]luma, error) {
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

// lumaSink is a writer that receives raw 4:2:0 frames and keeps the luma plane of each frame.
type lumaSink struct {
	width, height int
	done          []luma // of all complete frames
	incomplete    []byte // the bytes of the frame that is not complete
}

// Write accepts any number of bytes; frames may start and end anywhere in p.
func (s *lumaSink) Write(p []byte) (int, error) {
	whole := s.width*s.height + 2*((s.width+1)/2)*((s.height+1)/2)
	for left := p; len(left) > 0; {
		n := min(len(left), whole-len(s.incomplete))
		s.incomplete, left = append(s.incomplete, left[:n]...), left[n:]
		if len(s.incomplete) == whole {
			pix := bytes.Clone(s.incomplete[:s.width*s.height])
			s.done, s.incomplete = append(s.done, luma{pix, s.width, s.width, s.height}), s.incomplete[:0]
		}
	}
	return len(p), nil
}
