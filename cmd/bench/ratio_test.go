package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMedianInterval compares with tables of the sign test: the ranks that contain the median with 95 %.
func TestMedianInterval(t *testing.T) {
	for n, want := range map[int]string{5: "none", 6: "1–6", 8: "1–8", 9: "2–8", 11: "2–10", 12: "3–10", 20: "6–15", 25: "8–18", 51: "19–33"} {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(n - i)
		}
		got := "none"
		if low, high, ok := medianInterval(v); ok {
			got = fmt.Sprintf("%g–%g", low, high)
		}
		if got != want || v[0] != float64(n) {
			t.Errorf("%d values: %s; want %s", n, got, want)
		}
	}
}

func TestRatioRows(t *testing.T) {
	row := func(ratios ...float64) ratioRow {
		r := ratioRow{Case: "wall", Unit: "CPU s/s"}
		for _, q := range ratios {
			r.Pairs = append(r.Pairs, pair{This: 2 * q, Other: 2})
		}
		return r
	}
	for _, c := range []struct {
		row  ratioRow
		want string
	}{
		{row(0.9, 1.1, 1, 0.95, 1.05, 1, 1, 0.99, 1.01), "| wall, CPU s/s | 2.000 | 2.000 | 1.000 of 9 | 0.950–1.050 | same |\n"},
		{row(0.9, 0.91, 0.92, 0.93, 0.94, 0.95), "| wall, CPU s/s | 2.000 | 1.850 | 0.925 of 6 | 0.900–0.950 | less |\n"},
		{row(1.2, 1.1, 1.3, 1.4, 1.5, 1.6, 0.9, 1.3, 1.3), "| wall, CPU s/s | 2.000 | 2.600 | 1.300 of 9 | 1.100–1.500 | MORE |\n"},
		{row(1.5), "| wall, CPU s/s | 2.000 | 3.000 | 1.500 of 1 | needs six pairs |  |\n"},
		{row(), "| wall, CPU s/s | not measured |  |  |  |  |\n"},
	} {
		if got := c.row.line(); got != c.want {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

// TestPairs measures one pair of every row, with the server of this build on both sides.
func TestPairs(t *testing.T) {
	clip, sub := makeFootage(t, "320x180"), makeFootage(t, "160x90")
	b := testBench(t)
	b.Inputs, b.FPS, b.Seconds, b.Viewers, b.Views, b.Pairs = 2, 5, 1, 2, 1, 1
	b.program, b.Against = serverProgram, serverProgram
	b.log = slog.New(slog.DiscardHandler)
	var err error
	if b.main, err = readFootage(clip); err != nil {
		t.Fatal(err)
	}
	if b.sub, err = readFootage(sub); err != nil {
		t.Fatal(err)
	}
	chosen, err := b.chosenBuildCases()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := b.measurePairs(t.Context(), chosen)
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v; want 5", len(rows), err)
	}
	for _, r := range rows {
		if len(r.Pairs) != 1 || r.Pairs[0].This <= 0 || r.Pairs[0].Other <= 0 {
			t.Fatalf("%s: %v", r.Case, r.Pairs)
		}
	}
	if p := rows[4].Pairs[0]; p.This < 5 || p.This > 1000 {
		t.Errorf("private memory is %g MiB", p.This)
	}
	b.sub = nil
	if chosen, err = b.chosenBuildCases(); err != nil || len(chosen) != 4 {
		t.Errorf("without sub-streams: %d rows, %v; want 4", len(chosen), err)
	}
}

// TestPairsAlternate: the builds take turns in coming first, and a pair that fails is repeated.
func TestPairsAlternate(t *testing.T) {
	b := testBench(t)
	b.program, b.Against, b.Pairs = "this", "other", 3
	var turns []string
	calls := 0
	rows, err := b.measurePairs(t.Context(), []buildCase{{"wall", "CPU s/s", func(b *bench, _ context.Context) (float64, error) {
		if calls++; calls == 2 {
			return 0, errors.New("busy")
		}
		turns = append(turns, b.program)
		return float64(len(b.program)), nil
	}}})
	if got := strings.Join(turns, " "); err != nil || got != "this this other other this this other" {
		t.Errorf("turns were %s, %v", got, err)
	}
	if len(rows) != 1 || len(rows[0].Pairs) != 3 || rows[0].Pairs[1] != (pair{This: 4, Other: 5}) {
		t.Errorf("rows are %+v", rows)
	}
}

// TestPairsAreSkipped: a pair that fails in every attempt is left out, and the comparison goes on.
func TestPairsAreSkipped(t *testing.T) {
	b := testBench(t)
	b.program, b.Against, b.Pairs = "this", "other", 3
	calls := 0
	rows, err := b.measurePairs(t.Context(), []buildCase{
		{"wall", "CPU s/s", func(b *bench, _ context.Context) (float64, error) {
			if calls++; calls > 2 && calls <= 2+pairTries { // the first measurement of the second pair, in every attempt
				return 0, errors.New("busy")
			}
			return float64(len(b.program)), nil
		}},
		{"memory", "MiB private", func(*bench, context.Context) (float64, error) { return 0, errors.New("busy") }},
	})
	if err != nil || len(rows) != 2 || len(rows[0].Pairs) != 2 || len(rows[1].Pairs) != 0 {
		t.Fatalf("%+v, %v; want two pairs of the wall and none of the memory", rows, err)
	}
	file := filepath.Join(t.TempDir(), "report.json")
	var out strings.Builder
	if err = (comparison{Rows: rows}).publish(&out, file); err == nil || err.Error() != "not measured: memory" {
		t.Errorf("a row without pairs: %v", err)
	}
	for _, want := range []string{
		"| wall, CPU s/s | 5.000 | 4.000 | 0.800 of 2 | needs six pairs |  |\n",
		"| memory, MiB private | not measured |  |  |  |  |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table is %s; want %s", out.String(), want)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), `"pairs": []`) {
		t.Errorf("the file is %s, %v", data, err)
	}
	if err = (comparison{Rows: rows[:1]}).publish(&out, ""); err != nil {
		t.Errorf("a row with two pairs of three: %v", err)
	}
}

// TestInterruptedPairs: an interrupt ends the comparison instead of skipping all further pairs.
func TestInterruptedPairs(t *testing.T) {
	b := testBench(t)
	b.Pairs = 3
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	_, err := b.measurePairs(ctx, []buildCase{{"wall", "CPU s/s", func(_ *bench, ctx context.Context) (float64, error) {
		calls++
		cancel()
		return 0, ctx.Err()
	}}})
	if !errors.Is(err, errInterrupted) || calls != 1 {
		t.Errorf("%v after %d measurements; want an interrupt after one", err, calls)
	}
}
