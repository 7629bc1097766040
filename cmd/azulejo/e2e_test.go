package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/cmd/internal/cmdtest"
)

// binary is azulejo as TestMain built it.
var binary string

// fetch keeps no connections open: the tests kill their servers.
var fetch = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "azulejo-test-")
	if err == nil {
		binary, err = cmdtest.Build(dir, "azulejo/cmd/azulejo")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir) // a temporary folder
		os.Exit(code)
	}))
}

// process is a running azulejo.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	base   string       // of its URLs
	stdout bytes.Buffer // read it after the end of the process
	log    *logLines
	done   chan struct{}
}

// launch starts azulejo on a free port and waits until it is ready. The end of the test kills it.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	addr := freeAddress(t)
	p := &process{t: t, base: "http://" + addr, log: &logLines{t: t}, done: make(chan struct{})}
	p.cmd = exec.Command(binary, append(args, "--listen", addr)...)
	p.cmd.Env = append(os.Environ(), "AZULEJO_WEBRTC_UDP=127.0.0.1:0", "AZULEJO_WEBRTC_TCP=",
		"AZULEJO_MIX_WIDTH=640", "AZULEJO_MIX_HEIGHT=360", "AZULEJO_MIX_PRESET=ultrafast")
	p.cmd.Stdout = &p.stdout
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.log.read(out)
		_ = p.cmd.Wait() // the tests read its state
	}()
	t.Cleanup(func() { p.kill() })
	p.eventually(20*time.Second, "ready", func() bool {
		r, err := fetch.Get(p.base + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close() // nothing is read from it
		return r.StatusCode == http.StatusOK
	})
	return p
}

// freeAddress is a loopback address with a free port.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // it accepted nothing
	return l.Addr().String()
}

// logLines copies the log of a process to that of the test, and keeps it.
type logLines struct {
	t *testing.T

	mu  sync.Mutex
	all strings.Builder
}

func (l *logLines) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Fprintln(l.t.Output(), lines.Text())
		l.mu.Lock()
		l.all.WriteString(lines.Text() + "\n")
		l.mu.Unlock()
	}
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// kill kills the process, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
}

// terminate sends SIGTERM to the process and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatal("no end within 30 s of SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) eventually(limit time.Duration, what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s: the process ended", what)
		default:
		}
	}
	p.t.Fatalf("%s: not within %v", what, limit)
}

// get reads a URL below the process's base; the answer must be 200.
func (p *process) get(path string) []byte {
	p.t.Helper()
	r, err := fetch.Get(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }() // it was read to its end
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %s, %v: %s", path, r.Status, err, body)
	}
	return body
}

// timeline is the part of the footage API that the tests read.
type timeline struct {
	Spans []struct {
		From, To time.Time
		Segments int
		Where    string
	}
	Gaps []struct {
		From, To time.Time
		Reason   string
	}
}

func (p *process) footage() timeline {
	p.t.Helper()
	var t timeline
	if err := json.Unmarshal(p.get("/api/v1/footage/demo/main"), &t); err != nil {
		p.t.Fatal(err)
	}
	return t
}

// recorded is the number of segments in all spans.
func (t timeline) recorded() int {
	n := 0
	for _, s := range t.Spans {
		n += s.Segments
	}
	return n
}

func TestSigtermFinishesAndStoresEverything(t *testing.T) {
	data := t.TempDir()
	p := launch(t, "demo", "--cameras", "1", "--data", data)
	p.eventually(20*time.Second, "two segments", func() bool { return p.footage().recorded() >= 2 })
	asked := time.Now()
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	for _, page := range []string{"/wall/demo", "/join/demo", "/footage/demo"} {
		link := strings.Replace(p.base, "127.0.0.1", "localhost", 1) + page
		if !strings.Contains(p.stdout.String(), link) {
			t.Errorf("the demo did not say %s: %s", link, p.stdout.String())
		}
	}
	for _, dir := range []string{"open", "ready"} {
		left, err := os.ReadDir(filepath.Join(data, "spool", dir))
		if err != nil || len(left) > 0 {
			t.Errorf("spool/%s holds %v after a clean end (%v)", dir, left, err)
		}
	}
	p = launch(t, "demo", "--cameras", "1", "--data", data)
	spans := p.footage().Spans
	if len(spans) == 0 || asked.Sub(spans[0].To) > 500*time.Millisecond {
		t.Errorf("footage %v ends too long before SIGTERM at %v", spans, asked)
	}
}

func TestKillLosesNothingButTheLastPart(t *testing.T) {
	data := t.TempDir()
	p := launch(t, "demo", "--cameras", "2", "--data", data)
	p.eventually(30*time.Second, "two segments and the beginning of a third", func() bool {
		f := p.footage()
		return f.recorded() >= 2 && time.Since(f.Spans[len(f.Spans)-1].To) > 3500*time.Millisecond
	})
	killed := time.Now()
	p.kill()

	p = launch(t, "demo", "--cameras", "2", "--data", data)
	var f timeline
	p.eventually(20*time.Second, "a segment after the crash", func() bool {
		f = p.footage()
		return len(f.Gaps) > 0
	})
	from, to := f.Spans[0].From, f.Gaps[0].From
	if lost := killed.Sub(to); lost > 2*time.Second {
		t.Errorf("%v before the kill are lost: more than the last part of 1 s and what was in the encoders", lost)
	}
	if r := f.Gaps[0].Reason; r != "restart" {
		t.Errorf("the gap's reason is %q, want restart", r)
	}
	out := filepath.Join(t.TempDir(), "all.mp4")
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", fmt.Sprintf("%s/api/v1/footage/demo/main/index.m3u8?from=%d&to=%d",
		p.base, from.UnixMilli(), to.UnixMilli()), "-c", "copy", out)
	cmdtest.Tool(t, "ffmpeg", "-nostdin", "-v", "warning", "-i", out, "-f", "null", "-")
	length := duration(t, out)
	if want := to.Sub(from); (length - want).Abs() > 100*time.Millisecond {
		t.Errorf("what was saved plays for %v, want %v", length, want)
	}
}

// duration is the duration of a file's video by ffprobe.
func duration(t *testing.T, name string) time.Duration {
	t.Helper()
	s := cmdtest.Tool(t, "ffprobe", "-v", "warning", "-select_streams", "v:0", "-show_entries", "stream=duration", "-of", "csv=p=0", name)
	d, err := time.ParseDuration(strings.TrimSpace(s) + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAddressInUseIsSaid(t *testing.T) {
	p := launch(t, "demo", "--cameras", "1", "--data", t.TempDir())
	var stderr bytes.Buffer
	cmd := exec.Command(binary, "demo", "--listen", strings.TrimPrefix(p.base, "http://"), "--data", t.TempDir())
	cmd.Env = append(os.Environ(), "AZULEJO_WEBRTC_UDP=127.0.0.1:0", "AZULEJO_WEBRTC_TCP=")
	cmd.Stderr = &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("a taken address gave %v: %s", err, stderr.String())
	}
}
