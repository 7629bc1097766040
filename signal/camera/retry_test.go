package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/rtsp"
)

func TestBackoffGrowsToAMinute(t *testing.T) {
	for try, want := range map[int]time.Duration{0: time.Second, 4: time.Second, 5: 5 * time.Second, 10: 10 * time.Second, 20: time.Minute, 999: time.Minute} {
		if got := backoff(try); got != want {
			t.Errorf("try %d: pause %v, want %v", try, got, want)
		}
	}
}

// refusedConnection is the error of a host that takes no connection, as a feed returns it.
func refusedConnection() error {
	return &Failure{Err: fmt.Errorf("connect: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})}
}

func TestPauses(t *testing.T) {
	const s = time.Second
	after := func(reason mixer.Reason) error { return fail(reason, "") }
	unknown := &Failure{Trouble: mixer.Trouble{Reason: mixer.ReasonUnknownHost}, Err: &net.OpError{Op: "dial", Err: &net.DNSError{}}}
	type step struct {
		times   int
		err     error
		brought bool
		lasted  time.Duration
		want    time.Duration // of the last one
	}
	for name, steps := range map[string][]step{
		"a server that refuses":     {{5, errFeed, false, 0, s}, {5, errFeed, false, 0, 5 * s}, {10, errFeed, false, 0, 10 * s}, {99, errFeed, false, 0, time.Minute}},
		"a host that is down":       {{9999, refusedConnection(), false, 0, s}},
		"a host that is cut off":    {{9999, refusedConnection(), false, 2 * s, 0}},
		"a host that never answers": {{9999, after(mixer.ReasonTimeout), false, 8 * s, 0}},
		"it comes back, and boots":  {{9999, refusedConnection(), false, 0, s}, {5, errFeed, false, 0, s}, {5, errFeed, false, 0, 5 * s}},
		"every session is good":     {{50, errFeed, true, 6 * s, 0}},
		"every session is short":    {{50, errFeed, true, s, s}},
		"a good session in between": {{30, errFeed, false, 0, time.Minute}, {1, errFeed, true, 6 * s, 0}, {5, errFeed, false, 0, s}, {1, errFeed, false, 0, 5 * s}},
		"an unknown name":           {{30, unknown, false, 0, 5 * s}},
		"denied":                    {{1, after(mixer.ReasonForbidden), false, 0, time.Minute}},
		"stalled":                   {{9, after(mixer.ReasonStalled), true, 8 * s, 0}},
		"no data":                   {{30, after(mixer.ReasonNoData), false, 0, time.Minute}},
	} {
		var r retry
		for i, st := range steps {
			var got time.Duration
			for range st.times {
				got = r.pause(st.err, st.brought, st.lasted)
			}
			if got < st.want*9/10 || got > st.want*11/10+longestReopen {
				t.Errorf("%s, step %d: pause %v, want about %v", name, i, got, st.want)
			}
		}
	}
}

// TestPausesDiffer: cameras that break together do not come back all at once.
func TestPausesDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		seen[(&retry{}).pause(errFeed, false, 0)] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different pauses of 20", len(seen))
	}
}

// TestADialFails: the error says that no connection was made, whatever the host does.
func TestADialFails(t *testing.T) {
	began := time.Now()
	dial := func(ctx context.Context, address string) error {
		c, err := rtsp.Dial(ctx, rtsp.Config{URL: &base.URL{Scheme: "rtsp", Host: address, Path: "/"}})
		if err == nil {
			c.Close()
		}
		return err
	}
	for _, address := range []string{"127.0.0.1:1", "localhost:1", "[::1]:1"} {
		err := dial(t.Context(), address)
		if !unconnected(err) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // without a network the lookup takes long
	defer cancel()
	if err := dial(ctx, "host.invalid:554"); err == nil || unconnected(err) {
		t.Errorf("an unknown name: %v", err)
	}
	if unconnected(nil) || unconnected(errors.New("x")) || unconnected(&net.OpError{Op: "read", Err: syscall.ECONNRESET}) {
		t.Error("a connection that was made counts as none")
	}
}

// TestTroubleIsLoggedOnce: one line when it begins, one when it is over, however often the stream is tried.
func TestTroubleIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		j := journal{log: slog.New(slog.NewTextHandler(&out, nil)), since: time.Now()}
		lines := func(want ...string) {
			t.Helper()
			got := strings.Split(strings.TrimSpace(out.String()), "\n")
			out.Reset()
			if len(got) != len(want) && (len(want) > 0 || got[0] != "") {
				t.Fatalf("%d lines %q, want %d", len(got), got, len(want))
			}
			for i, w := range want {
				for _, part := range strings.Split(w, "|") {
					if !strings.Contains(got[i], part) {
						t.Errorf("line %q has no %q", got[i], part)
					}
				}
			}
		}
		format := videoFormat{mixer.H264, 640, 360}
		flow := func(d time.Duration) {
			start := time.Now()
			for time.Since(start) < d {
				time.Sleep(time.Second)
				j.flowing(start, time.Now(), format, 15)
			}
			j.flowed(d)
		}
		fails := func(n int) {
			for range n {
				j.failed(fail(mixer.ReasonRefused, "the host refuses connections"), time.Now())
				time.Sleep(time.Second)
			}
		}
		time.Sleep(2 * time.Second)
		flow(2 * time.Second)
		lines()
		flow(time.Hour)
		lines(`msg="camera live"|codec=h264|size=640x360|fps=15|away=4s|tries=0`)
		time.Sleep(5 * time.Second) // the frame is gone, and nobody knows yet
		stopped := time.Now().Add(-5 * time.Second)
		j.failed(fail(mixer.ReasonRefused, "the host refuses connections"), stopped)
		fails(999)
		lines(`msg="camera lost"|level=WARN|reason=refused|detail="the host refuses connections"`)
		flow(10 * time.Second)
		lines(`msg="camera live"|away=16m44s|tries=1000`)
		for range 100 { // it comes for ten seconds, and goes
			fails(1)
			flow(10 * time.Second)
		}
		if n := strings.Count(out.String(), "\n"); n > 6 {
			t.Errorf("%d lines about a stream that comes and goes", n)
		}
	})
}
