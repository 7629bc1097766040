package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// comparison is the report of two builds of the server: "this" is the new one, "other" the one of --against.
type comparison struct {
	Command string     `json:"command"`
	Machine string     `json:"machine"`
	Began   time.Time  `json:"began"`
	Footage string     `json:"footage"`
	Wall    string     `json:"wall"`    // size and rate
	Seconds float64    `json:"seconds"` // of one measurement
	This    string     `json:"this"`    // program
	Other   string     `json:"other"`   // program
	Rows    []ratioRow `json:"rows"`
}

// ratioRow is one row of a comparison.
type ratioRow struct {
	Case  string `json:"case"` // as in --only
	Unit  string `json:"unit"`
	Pairs []pair `json:"pairs"`
}

// pair is the cost of both builds, measured one right after the other.
type pair struct {
	This  float64 `json:"this"`
	Other float64 `json:"other"`
}

func (p pair) ratio() float64 { return p.This / p.Other }

// column is one value of every pair.
func (r ratioRow) column(of func(pair) float64) []float64 {
	all := make([]float64, len(r.Pairs))
	for i, p := range r.Pairs {
		all[i] = of(p)
	}
	return all
}

// medianInterval is an interval that contains the median of the distribution of v with a probability of at least 95 %,
// whatever the distribution is. Its ends are order statistics: with n values, the k-th smallest and the k-th largest,
// with the largest k for which the median lies outside with at most 5 %. Less than six values have none.
func medianInterval(v []float64) (low, high float64, ok bool) {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	term := 1.0 // the probability that exactly k values lie below the median
	for range n {
		term /= 2
	}
	k, outside := 0, 0.0
	for outside += term; 2*outside <= 0.05; outside += term {
		term *= float64(n-k) / float64(k+1)
		k++
	}
	if k == 0 {
		return 0, 0, false
	}
	return sorted[k-1], sorted[n-k], true
}

// line is the row in Markdown.
func (r ratioRow) line() string {
	ratios := r.column(pair.ratio)
	interval, verdict := "needs six pairs", ""
	if low, high, ok := medianInterval(ratios); ok {
		interval, verdict = fmt.Sprintf("%.3f–%.3f of %d", low, high, len(ratios)), verdictOf(low, high)
	}
	this, other := median(r.column(func(p pair) float64 { return p.This })), median(r.column(func(p pair) float64 { return p.Other }))
	return fmt.Sprintf("| %s, %s | %.3f | %.3f | %.3f | %s | %s |\n", r.Case, r.Unit, other, this, median(ratios), interval, verdict)
}

// verdictOf says what an interval of ratios proves.
func verdictOf(low, high float64) string {
	switch {
	case high < 1:
		return "less"
	case low > 1:
		return "MORE"
	}
	return "same"
}

// table writes the comparison as Markdown.
func (c comparison) table(out io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "`%s` on %s, %s: footage %s, wall %s, %g s each; this is %s, other is %s.\n\n",
		c.Command, c.Machine, c.Began.Format(time.DateOnly), c.Footage, c.Wall, c.Seconds, c.This, c.Other)
	s.WriteString("| case | other | this | median of this/other | its 95 % interval | this costs |\n|---|---|---|---|---|---|\n")
	for _, r := range c.Rows {
		s.WriteString(r.line())
	}
	_, err := io.WriteString(out, s.String())
	return err
}

// saveJSON writes v to a file.
func saveJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(name), append(data, '\n'), 0o644)
}
