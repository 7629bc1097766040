package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBenchReports runs a small and slow wall through rows of both kinds, and one that cannot be measured.
func TestBenchReports(t *testing.T) {
	r, out, err := smallBench(t, "wall,sub,ssim", "--seconds", "2")
	if err == nil {
		t.Errorf("a row is missing, but the exit code is 0: %s", out)
	}
	if !strings.Contains(out, "| case | measured | lowest–highest of rounds | goal | reached |") || !strings.HasSuffix(out, "bench: not measured: sub\n") || len(r.Rows) != 3 {
		t.Fatalf("bench: %s", out)
	}
	wall, sub, similarity := r.Rows[0], r.Rows[1], r.Rows[2]
	if wall.Value <= 0 || wall.Parts["cpu"] <= 0 || wall.Parts["peerCpu"] <= 0 || wall.Parts["bits"] < 10_000 || wall.Parts["peerBits"] < 10_000 {
		t.Errorf("wall: %+v", wall)
	}
	if !strings.Contains(sub.Error, "SUBFILE") || sub.Reached {
		t.Errorf("sub without a file: %+v", sub)
	}
	if p := similarity.Parts; p["ssim"] < 0.8 || p["peerSsim"] < 0.8 || math.Abs(similarity.Value) > 0.15 {
		t.Errorf("ssim: %+v", similarity)
	}
	if !strings.Contains(r.Peer.Command, "xstack=inputs=2") || strings.Count(r.Peer.Command, "-re -stream_loop") != 2 {
		t.Errorf("the peer's command is %q", r.Peer.Command)
	}
}

// sane is what must be so of a row, whatever machine measured it: the value follows from the parts, which are near
// enough to what the case does.
type sane struct {
	name, unit string
	goal       float64
	value      func(p map[string]float64) float64
	parts      func(p map[string]float64) bool
}

// against is a row that holds a whole server against ffmpeg.
func against(name string) sane {
	return sane{
		name, "", 0, func(p map[string]float64) float64 { return p["cpu"] / p["peerCpu"] },
		func(p map[string]float64) bool {
			return p["cpu"] > 0 && p["peerCpu"] > 0 && p["fps"] > 4 && p["bits"] > 10_000 && p["peerBits"] > 10_000
		},
	}
}

// TestBenchRows runs a small and slow wall through the rows that need guests, other scenes or time.
func TestBenchRows(t *testing.T) {
	t.Run("guests", func(t *testing.T) {
		t.Parallel()
		heavy := []string{"--width", "640", "--height", "360", "--preset", "medium"} // else the encoder alone drowns in how ffmpeg starts
		checkRows(t, append(heavy, "--viewers", "2", "--views", "1"), []sane{
			against("webrtc"), against("unpaced"),
			{
				"viewers", unitPercent, 1, func(p map[string]float64) float64 { return 100 * (p["many"] - p["one"]) / p["one"] / 2 },
				func(p map[string]float64) bool {
					return p["one"] > 0 && p["many"] > 0 && p["viewers"] == 2 && p["bits"] > 10_000
				},
			},
			{
				"views", "", 1.15, func(p map[string]float64) float64 { return p["view"] / p["encoder"] },
				func(p map[string]float64) bool {
					return p["encoder"] > 0 && p["encoderUnpaced"] > 0 && p["encoder"] != p["encoderUnpaced"] && p["bits"] > 10_000 && p["encoderBits"] > p["bits"]/3 && p["encoderBits"] < p["bits"]*3
				},
			},
		})
	})
	t.Run("scenes", func(t *testing.T) {
		t.Parallel()
		growth := func(p map[string]float64) float64 { return 100 * (p["end"] - p["start"]) / p["start"] }
		checkRows(t, []string{"--linear", "1,2,3", "--memory", "4s"}, []sane{
			{
				"quiet", "", 0.25, func(p map[string]float64) float64 { return p["quiet"] / p["busy"] },
				func(p map[string]float64) bool { return p["quiet"] > 0 && p["busy"] > 0 && p["fps"] < 3 },
			},
			{
				"quiet", "", 0.25, func(p map[string]float64) float64 { return p["quiet"] / p["busy"] },
				func(p map[string]float64) bool { return p["quiet"] > 0 && p["quiet"] < p["busy"]/2 },
			},
			{
				"linear", unitPercent, 10, (&bench{command: &command{Linear: []int{1, 2, 3}}}).sumLinear,
				func(p map[string]float64) bool {
					one, two, three := p["inputs1"], p["inputs2"], p["inputs3"]
					return one > 0 && two > 0 && three > 0 && one != two && two != three && one != three && len(p) == 3
				},
			},
			{
				"memory", unitMiB, 250, func(p map[string]float64) float64 { return p["most"] },
				func(p map[string]float64) bool {
					return p["start"] > 10 && p["end"] > 10 && p["most"] >= p["end"] && p["most"] < 1000 && p["guests"] >= 3 && p["guests"] <= 5
				},
			},
			{"memory", unitPercent, 10, growth, func(p map[string]float64) bool { return math.Abs(growth(p)) < 100 }},
		})
	})
}

// checkRows measures the cases of want and holds each row to it.
func checkRows(t *testing.T, options []string, want []sane) {
	var names []string
	for _, w := range want {
		names = append(names, w.name)
	}
	r, out, err := smallBench(t, strings.Join(slices.Compact(names), ","), append(options, "--seconds", "1")...)
	if err != nil || len(r.Rows) != len(want) {
		t.Fatalf("%d rows of %d, %v: %s", len(r.Rows), len(want), err, out)
	}
	for i, w := range want {
		row := r.Rows[i]
		if row.Case != w.name || row.Unit != w.unit || row.Goal != w.goal || row.Error != "" || len(row.Rounds) != 1 {
			t.Errorf("row %d is %+v; want %s in %q with the goal %g", i, row, w.name, w.unit, w.goal)
		}
		if v := w.value(row.Parts); math.Abs(row.Value-v) > 1e-9 || !w.parts(row.Parts) {
			t.Errorf("%s: %g of %v", w.name, row.Value, row.Parts)
		}
		if row.Reached != (w.goal == 0 || row.Value <= w.goal) || row.Note == "" || strings.Contains(row.Note, "%!") {
			t.Errorf("%s: reached %t, %q", w.name, row.Reached, row.Note)
		}
	}
}

// smallBench returns what a bench of these rows reports and prints, and how it ends. Five frames a second are in time
// on any machine; one that was busy gets two more chances.
func smallBench(t *testing.T, rows string, options ...string) (r report, out string, err error) {
	t.Helper()
	clip, report := makeFootage(t, "320x180"), filepath.Join(t.TempDir(), "report.json")
	args := append([]string{
		"--inputs", "2", "--fps", "5", "--rounds", "1", "--width", "320", "--height", "180",
		"--bitrate", "1000000", "--only", rows, "--json", report, clip,
	}, options...)
	for range 3 {
		var text []byte
		text, err = exec.Command(program, args...).CombinedOutput()
		if out = string(text); !strings.Contains(out, "this machine is too slow") {
			break
		}
	}
	data, err1 := os.ReadFile(report)
	if err1 != nil || json.Unmarshal(data, &r) != nil {
		t.Fatalf("report: %v: %s", err1, out)
	}
	return r, out, err
}
