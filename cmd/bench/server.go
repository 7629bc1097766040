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

// roomName is the name of the measured room.
const roomName = "wall"

// server is a running server in a process of its own.
type server struct {
	addr string // of HTTP
	cmd  *exec.Cmd
	data string        // the folder with the server's configuration and data
	done chan struct{} // closed when the process has ended
}

// roomConfig is a room in the server's configuration file. bench writes this file, because the server has no flags for rooms.
type roomConfig struct {
	Cameras []cameraConfig               `yaml:"cameras,omitempty"`
	Views   map[string]map[string]string `yaml:"views,omitempty"`
}

// cameraConfig is a camera in the server's configuration.
type cameraConfig struct {
	Name      string `yaml:"name"`
	URL       string `yaml:"url"`
	SubURL    string `yaml:"sub_url"`
	Transport string `yaml:"transport"`
	Audio     bool   `yaml:"audio"`
}

// startServer runs a server with the room r and returns when the server listens. settings has KEY=VALUE pairs for the server's
// --set, in addition to mixSettings.
func (b *bench) startServer(ctx context.Context, r roomConfig, settings ...string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(b.dir, "server-")
	if err != nil {
		return nil, err
	}
	s := &server{addr: addr, data: data, done: make(chan struct{})}
	started, err := s.start(ctx, b.program, r, append(b.mixSettings(), settings...))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the server: %w", err), os.RemoveAll(data))
	}
	select {
	case line := <-started:
		if line != "" {
			s.stop()
			return nil, fmt.Errorf("the server did not start: %s", line)
		}
		return s, nil
	case <-time.After(10 * time.Second):
		s.stop()
		return nil, fmt.Errorf("the server did not start within 10 s")
	}
}

// mixSettings returns the KEY=VALUE pairs with which the server does the same work as ffmpeg.
func (b *bench) mixSettings() []string {
	return []string{
		"webrtc.udp=127.0.0.1:0", "webrtc.tcp=", "mix.preset=" + b.Preset,
		fmt.Sprintf("mix.width=%d", b.Width), fmt.Sprintf("mix.height=%d", b.Height),
		fmt.Sprintf("mix.fps=%d", b.FPS), fmt.Sprintf("mix.bitrate=%d", b.Bitrate),
	}
}

// start runs program. The channel started receives an empty string when the server listens. If the server ends before it
// listens, started receives the last line of its log.
func (s *server) start(ctx context.Context, program string, r roomConfig, settings []string) (started <-chan string, err error) {
	config := filepath.Join(s.data, "bench.yaml")
	text, err := yaml.Marshal(map[string]any{"rooms": map[string]any{roomName: r}})
	if err == nil {
		err = os.WriteFile(config, text, 0o600)
	}
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "-c", config, "--listen", s.addr, "--data", s.data}
	for _, pair := range settings {
		args = append(args, "--set", pair)
	}
	s.cmd = exec.CommandContext(ctx, program, args...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	state := make(chan string, 1)
	go s.watch(stderr, state)
	return state, nil
}

// watch reads the server's log and waits for the end of the process. It sends an empty string to started when the server
// listens, or the last line of the log if the server ends before it listens.
func (s *server) watch(log io.Reader, started chan<- string) {
	last := "it logged nothing"
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		last = lines.Text()
		if strings.Contains(last, "msg=listening") {
			select {
			case started <- "":
			default:
			}
		}
	}
	select {
	case started <- last:
	default:
	}
	_ = s.cmd.Wait() // the last line of the log tells more than this error
	close(s.done)
}

// url returns the address of the WebSocket to which clients connect.
func (s *server) url() string { return "ws://" + s.addr + "/ws" }

// roomState has the fields that bench uses of the REST API's response about a room.
type roomState struct {
	Participants []struct {
		State mixer.State `json:"state"`
	} `json:"participants"`
}

// live counts the participants whose video is live.
func (r roomState) live() int {
	n := 0
	for _, p := range r.Participants {
		if p.State == mixer.Live {
			n++
		}
	}
	return n
}

// room requests the state of the room.
func (s *server) room(ctx context.Context) (roomState, error) {
	var r roomState
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/api/v1/rooms/"+roomName, nil)
	if err != nil {
		return r, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return r, fmt.Errorf("request the server's room: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // an error does not matter, since the body has been read
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("the server's room: %s: %w", answer.Status, err)
	}
	return r, nil
}

// stop interrupts the server, waits for its end and removes its data. After 10 s it kills the server.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // an error means that the process has ended
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill() // an error means that the process has ended
		<-s.done
	}
	_ = os.RemoveAll(s.data) // the folder above it is removed later too
}

// proc reads the file name in the /proc folder of the server's process.
func (s *server) proc(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name))
	if err != nil {
		return nil, fmt.Errorf("the server's process: %w", err)
	}
	return data, nil
}

// cpu returns the user and system time that the server has used so far.
func (s *server) cpu() (time.Duration, error) {
	data, err := s.proc("stat")
	if err != nil {
		return 0, err
	}
	// Field 2 is the command's name, which may contain spaces. The fields after it do not. Fields 14 and 15 are the
	// user and system time in 1/100 s, see proc_pid_stat(5).
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("stat of the server's process: %q", data)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// residentMemory returns the resident memory of the server in MiB.
func (s *server) residentMemory() (float64, error) { return s.memory("status", "VmRSS") }

// peakMemory returns the most resident memory that the server has had so far, in MiB.
func (s *server) peakMemory() (float64, error) { return s.memory("status", "VmHWM") }

// privateMemory returns the resident memory in MiB that the server shares with no other process, see proc_pid_smaps(5).
func (s *server) privateMemory() (float64, error) {
	return s.memory("smaps_rollup", "Private_Clean", "Private_Dirty")
}

// memory returns the sum of the values of keys in a file in the /proc folder of the server's process, in MiB.
func (s *server) memory(file string, keys ...string) (sum float64, err error) {
	data, err := s.proc(file)
	for _, key := range keys {
		sum += parseStatus(data, key)
	}
	return sum, err
}

// parseStatus returns the value of key in MiB, or zero if it is missing. status is the content of a file such as
// proc_pid_status(5), which has its values in kB.
func parseStatus(status []byte, key string) float64 {
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64) // zero when it is not a number
			return kb / 1024
		}
	}
	return 0
}

// freeAddress returns a loopback address with a free port.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
