package whip_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest/await"
)

// python is Debian's, which has python3-aiortc. Another Python may come first in PATH.
const python = "/usr/bin/python3"

// tool is testdata/tool.py, a client on aiortc.
type tool struct {
	t     *testing.T
	stdin io.Closer
	done  chan struct{} // its output has ended

	mu   sync.Mutex
	said []said
}

// said is one line of its output.
type said struct {
	Status, Refused, Deleted int
	State, Body              string
	W, H, Hz, Peak           int
	RGB                      []uint8
}

// runTool lives until finish.
func runTool(t *testing.T, args ...string) *tool {
	t.Helper()
	cmd := exec.Command(python, append([]string{"testdata/tool.py"}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &complaints{t: t}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s %v: %v (python3-aiortc is installed by scripts/setup)", python, args, err)
	}
	c := &tool{t: t, stdin: stdin, done: make(chan struct{})}
	go c.listen(stdout)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, unless the test has failed
		<-c.done
		_ = cmd.Wait()
	})
	return c
}

// complaints are shown when the test fails.
type complaints struct {
	t *testing.T
}

func (w *complaints) Write(b []byte) (int, error) {
	w.t.Log(string(b))
	return len(b), nil
}

func (c *tool) listen(from io.Reader) {
	defer close(c.done)
	for lines := bufio.NewScanner(from); lines.Scan(); {
		var s said
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			c.t.Errorf("the tool said %q: %v", lines.Text(), err)
			return
		}
		c.mu.Lock()
		c.said = append(c.said, s)
		c.mu.Unlock()
	}
}

// has tells whether the newest line of a kind is as wanted.
func (c *tool) has(about, wanted func(said) bool) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := len(c.said) - 1; i >= 0; i-- {
			if about(c.said[i]) {
				return wanted(c.said[i])
			}
		}
		return false
	}
}

// sees tells whether the newest decoded frame has the size and, in its middle, the colour.
func (c *tool) sees(w, h int, colour codec.Colour) func() bool {
	return c.has(func(s said) bool { return s.RGB != nil }, func(s said) bool {
		return s.W == w && s.H == h && mixertest.Near(codec.RGB(s.RGB[0], s.RGB[1], s.RGB[2]), colour, tolerance)
	})
}

// hears tells whether the newest second of audio is a tone.
func (c *tool) hears(hz int) func() bool {
	return c.has(func(s said) bool { return s.Peak != 0 }, func(s said) bool { return s.Hz > hz-5 && s.Hz < hz+5 && s.Peak > 4000 })
}

// finish makes the tool DELETE its session and end.
func (c *tool) finish() {
	c.t.Helper()
	if err := c.stdin.Close(); err != nil {
		c.t.Error(err)
	}
	await.Until(c.t, "the tool ends", func() bool {
		select {
		case <-c.done:
			return true
		default:
			return false
		}
	})
	if !c.has(func(s said) bool { return s.Deleted != 0 }, func(s said) bool { return s.Deleted == 200 })() {
		c.t.Errorf("the tool ended without a good DELETE: %+v", c.said)
	}
}

// TestForeignTools: aiortc publishes, and another aiortc sees and hears the mix.
func TestForeignTools(t *testing.T) {
	for _, c := range []struct{ codec, hex string }{{"H264", "80c030"}, {"VP8", "c03080"}} {
		t.Run(c.codec, func(t *testing.T) {
			s := serve(t, setup{})
			publisher := runTool(t, "publish", s.url+"/whip/yard/foreign", c.codec, c.hex, "440")
			viewer := runTool(t, "view", s.url+"/whep/yard")
			rgb, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			colour := codec.RGB(rgb[0], rgb[1], rgb[2])
			await.Until(t, "the viewer sees the publisher's colour", viewer.sees(width, height, colour))
			await.Until(t, "and hears its tone", viewer.hears(440))
			await.Until(t, "the publisher alone is in the room, and live", func() bool {
				all := s.people()
				return len(all) == 1 && all[0].Name == "foreign" && all[0].State == "live"
			})
			publisher.finish()
			await.Until(t, "the place is empty", func() bool { return s.names() == "" })
			viewer.finish()
			await.Until(t, "no peer is left", func() bool { return s.engine.Stats().Peers == 0 })
		})
	}
}
