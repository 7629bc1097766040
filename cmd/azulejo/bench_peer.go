package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"azulejo/mixer/layout"
)

// benchRoom is the room that bench publishes to.
const benchRoom = "bench"

// ffmpegVersion names the peer, or says that there is none.
func ffmpegVersion(ctx context.Context, command string) (string, error) {
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

// measureFFmpeg runs the peer over the same job and returns its CPU seconds, and the bits it wrote, per
// second of media.
func (b *benchCmd) measureFFmpeg(ctx context.Context) (cpu, bits float64, err error) {
	cmd := exec.CommandContext(ctx, b.FFmpeg, b.ffmpegArgs()...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err = cmd.Start(); err != nil {
		return 0, 0, fmt.Errorf("bench: start %s: %w", b.FFmpeg, err)
	}
	n, _ := io.Copy(io.Discard, stdout) // Wait tells what went wrong
	if err := cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("bench: %s: %w: %s", b.FFmpeg, err, strings.TrimSpace(stderr.String()))
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return used.Seconds() / b.Seconds, float64(n*8) / b.Seconds, nil
}

// ffmpegArgs is the job in ffmpeg's words: decode all, scale to the same tiles, stack, encode the same.
func (b *benchCmd) ffmpegArgs() []string {
	args := []string{"-nostdin", "-hide_banner", "-loglevel", "error"}
	for i := range b.Inputs {
		args = append(args, "-stream_loop", "-1", "-t", fmt.Sprint(b.Seconds), "-i", b.Files[i%len(b.Files)])
	}
	var graph, stack strings.Builder
	var places []string
	tiles := layout.Grid(b.Inputs, b.Width, b.Height)
	for i, r := range tiles {
		fmt.Fprintf(&graph, "[%d:v]fps=%d,scale=%d:%d,setsar=1[t%d];", i, b.FPS, r.W, r.H, i)
		fmt.Fprintf(&stack, "[t%d]", i)
		places = append(places, fmt.Sprintf("%d_%d", r.X, r.Y))
	}
	if b.Inputs > 1 {
		fmt.Fprintf(&graph, "%sxstack=inputs=%d:fill=black:layout=%s,", stack.String(), b.Inputs, strings.Join(places, "|"))
	} else {
		graph.WriteString("[t0]")
	}
	fmt.Fprintf(&graph, "pad=%d:%d,format=yuv420p[out]", b.Width, b.Height)
	rate := strconv.Itoa(b.Bitrate)
	return append(args, "-filter_complex", graph.String(), "-map", "[out]", "-an", "-c:v", "libx264",
		"-preset", b.Preset, "-tune", "zerolatency", "-profile:v", "baseline", "-g", strconv.Itoa(4*b.FPS),
		"-b:v", rate, "-maxrate", rate, "-bufsize", strconv.Itoa(b.Bitrate/2), "-f", "h264", "-")
}

// benchServer is this program as a server in a process of its own.
type benchServer struct {
	url  string
	cmd  *exec.Cmd
	data string
	done chan struct{}
}

func startBenchServer(ctx context.Context, b *benchCmd) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "azulejo-bench-")
	if err != nil {
		return nil, err
	}
	s := &benchServer{url: "ws://" + addr + "/ws", data: data, done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, self, "serve", "--listen", addr, "--data", data,
		"--set", "webrtc.udp=127.0.0.1:0", "--set", "webrtc.tcp=",
		"--set", fmt.Sprintf("mix.width=%d", b.Width), "--set", fmt.Sprintf("mix.height=%d", b.Height),
		"--set", fmt.Sprintf("mix.fps=%d", b.FPS), "--set", fmt.Sprintf("mix.bitrate=%d", b.Bitrate),
		"--set", "mix.preset="+b.Preset)
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bench: start the server: %w", err), os.RemoveAll(data))
	}
	up := make(chan string, 1)
	go s.watch(stderr, up)
	select {
	case line := <-up:
		if line != "" {
			s.stop()
			return nil, fmt.Errorf("bench: the server did not start: %s", line)
		}
		return s, nil
	case <-time.After(10 * time.Second):
		s.stop()
		return nil, fmt.Errorf("bench: the server did not start within 10 s")
	}
}

// watch reads the server's log: an empty line to up once it listens, else the last thing it said.
func (s *benchServer) watch(log io.Reader, up chan<- string) {
	last := "it said nothing"
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		last = lines.Text()
		if strings.Contains(last, "msg=listening") {
			select {
			case up <- "":
			default:
			}
		}
	}
	select {
	case up <- last:
	default:
	}
	_ = s.cmd.Wait() // what it said last tells more
	close(s.done)
}

// stop ends the server and removes its data.
func (s *benchServer) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // it may be gone already
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill() // the same
		<-s.done
	}
	_ = os.RemoveAll(s.data) // a folder below the system's temporary one
}

// cpu is the user and system time that the server has used so far.
func (s *benchServer) cpu() (time.Duration, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("bench: read the server's CPU time: %w", err)
	}
	// The command's name may hold spaces; the fields after it do not (proc_pid_stat(5): 14 and 15, in 1/100 s).
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("bench: /proc/%d/stat: %q", s.cmd.Process.Pid, data)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
