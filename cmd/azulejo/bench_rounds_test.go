package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
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
	var c benchCmd
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{makeFootage(t, "160x90")}); err != nil || c.Rounds != 5 {
		t.Fatalf("%d rounds, %v; want 5", c.Rounds, err)
	}
	b := &bench{benchCmd: &c}
	if b.main, err = readFootage(c.File); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.cases() {
		if c.most != 0 && c.name != "memory" {
			t.Errorf("%s is measured %d times at most", c.name, c.most)
		}
	}
}
