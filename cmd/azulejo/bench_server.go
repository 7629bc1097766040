package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"azulejo/mixer"
)

// benchRoom is the room that is measured.
const benchRoom = "wall"

// benchServer is this program as a server in a process of its own.
type benchServer struct {
	addr string
	cmd  *exec.Cmd
	data string
	done chan struct{}
}

// benchRoomConfig is the part of the server's configuration that flags cannot say.
type benchRoomConfig struct {
	Cameras []CameraConfig               `yaml:"cameras,omitempty"`
	Views   map[string]map[string]string `yaml:"views,omitempty"`
}

// startServer runs a server with that room and returns when it listens. set are further keys, as for --set.
func (b *bench) startServer(ctx context.Context, r benchRoomConfig, set ...string) (*benchServer, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(b.dir, "server-")
	if err != nil {
		return nil, err
	}
	s := &benchServer{addr: addr, data: data, done: make(chan struct{})}
	up, err := s.start(ctx, r, append(b.mix(), set...))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bench: start the server: %w", err), os.RemoveAll(data))
	}
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

// mix are the keys that make the server's job the peer's.
func (b *bench) mix() []string {
	return []string{
		"webrtc.udp=127.0.0.1:0", "webrtc.tcp=", "mix.preset=" + b.Preset,
		fmt.Sprintf("mix.width=%d", b.Width), fmt.Sprintf("mix.height=%d", b.Height),
		fmt.Sprintf("mix.fps=%d", b.FPS), fmt.Sprintf("mix.bitrate=%d", b.Bitrate),
	}
}

func (s *benchServer) start(ctx context.Context, r benchRoomConfig, set []string) (up <-chan string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.data, "bench.yaml")
	text, err := yaml.Marshal(map[string]any{"rooms": map[string]any{benchRoom: r}})
	if err == nil {
		err = os.WriteFile(config, text, 0o600)
	}
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "-c", config, "--listen", s.addr, "--data", s.data}
	for _, pair := range set {
		args = append(args, "--set", pair)
	}
	s.cmd = exec.CommandContext(ctx, self, args...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go s.watch(stderr, said)
	return said, nil
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

// url is where clients connect.
func (s *benchServer) url() string { return "ws://" + s.addr + "/ws" }

// roomState is what a measurement has to know of the server's room.
type roomState struct {
	Participants []struct {
		State mixer.State `json:"state"`
	} `json:"participants"`
}

// live counts the participants whose picture is shown.
func (r roomState) live() int {
	n := 0
	for _, p := range r.Participants {
		if p.State == mixer.Live {
			n++
		}
	}
	return n
}

func (s *benchServer) room(ctx context.Context) (roomState, error) {
	var r roomState
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/api/v1/rooms/"+benchRoom, nil)
	if err != nil {
		return r, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return r, fmt.Errorf("bench: ask the server for its room: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("bench: the server's room: %s: %w", answer.Status, err)
	}
	return r, nil
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
	_ = os.RemoveAll(s.data) // a folder below a temporary one
}

// proc reads a file of the server's process.
func (s *benchServer) proc(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name))
	if err != nil {
		return nil, fmt.Errorf("bench: the server's process: %w", err)
	}
	return data, nil
}

// cpu is the user and system time that the server has used so far.
func (s *benchServer) cpu() (time.Duration, error) {
	data, err := s.proc("stat")
	if err != nil {
		return 0, err
	}
	// The command's name may hold spaces; the fields after it do not (proc_pid_stat(5): 14 and 15, in 1/100 s).
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("bench: stat of the server's process: %q", data)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// memory is what the server has resident now, and had at most, in MiB.
func (s *benchServer) memory() (now, most float64, err error) {
	data, err := s.proc("status")
	if err != nil {
		return 0, 0, err
	}
	return parseStatus(data, "VmRSS"), parseStatus(data, "VmHWM"), nil
}

// parseStatus reads one value of proc_pid_status(5), which are in kB, as MiB; zero where it is missing.
func parseStatus(status []byte, key string) float64 {
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64) // zero when it is not a number
			return kb / 1024
		}
	}
	return 0
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
