package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"azulejo/cmd/internal/load"
)

// TestRoundsAlternate goes through cases that note their turn, what they share, and fail once.
func TestRoundsAlternate(t *testing.T) {
	b := testBench(t)
	b.Rounds = 3
	var turns strings.Builder
	var shared []*round
	fake := func(name string, most int) benchCase {
		n := 0
		return benchCase{name, []rowSpec{{title: name}}, most, func(_ context.Context, r *round) ([]figure, error) {
			turns.WriteString(name)
			shared = append(shared, r)
			if n++; name == "c" && n == 2 {
				return nil, errors.New("busy")
			}
			return []figure{{Value: float64(10 * n)}}, nil
		}}
	}
	if err := b.measure(t.Context(), []benchCase{fake("a", 0), fake("b", 1), fake("c", 0)}); err != nil {
		t.Fatal(err)
	}
	if turns.String() != "abcacac" {
		t.Errorf("turns were %s; want abcacac", turns.String())
	}
	if shared[0] != shared[2] || shared[3] != shared[4] || shared[5] != shared[6] {
		t.Error("cases of a round do not share what is measured in it")
	}
	if shared[2] == shared[3] || shared[4] == shared[5] || shared[2] == shared[5] {
		t.Error("a round has what another has measured")
	}
	var got []string
	for _, r := range b.report.Rows {
		got = append(got, fmt.Sprintf("%s %g of %d", r.Case, r.Value, len(r.Rounds)))
	}
	if want := "a 20 of 3, b 10 of 1, c 20 of 2"; strings.Join(got, ", ") != want {
		t.Errorf("rows are %s; want %s", strings.Join(got, ", "), want)
	}
}

// TestFiveRounds: without options each case is measured five times, but for the memory, which takes long.
func TestFiveRounds(t *testing.T) {
	var c command
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = parser.Parse([]string{makeFootage(t, "160x90")}); err != nil || c.Rounds != 5 {
		t.Fatalf("%d rounds, %v; want 5", c.Rounds, err)
	}
	b := &bench{command: &c}
	if b.main, err = readFootage(c.File); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.cases() {
		if c.maxRounds != 0 && c.name != "memory" {
			t.Errorf("%s is measured %d times at most", c.name, c.maxRounds)
		}
	}
}

// TestReadmeHasTheRows holds the goals in the README's table, and the command that fills it, to the bench's.
func TestReadmeHasTheRows(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## What it costs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !strings.Contains(section, "`scripts/bench FILE SUBFILE") {
		t.Error("the command is not told")
	}
	var told []string
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || cells[1] == " case " || strings.HasPrefix(cells[1], "-") {
			continue
		}
		rows++
		number, unit, _ := strings.Cut(strings.TrimSpace(cells[4]), " ")
		if goal, err := strconv.ParseFloat(number, 64); err == nil {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%g %s", goal, unit)))
		}
	}
	b := testBench(t)
	b.main = &footage{Clip: &load.Clip{Length: 1}}
	var goals []string
	for _, c := range b.cases() {
		for _, spec := range c.rows {
			rows--
			if row := newRow(c.name, spec, nil, nil); row.Goal > 0 {
				goals = append(goals, strings.TrimPrefix(row.goal(), "≤ "))
			}
		}
	}
	if !slices.Equal(told, goals) || rows != 0 {
		t.Errorf("README has the goals %q and %+d rows; want %q", told, rows, goals)
	}
}
