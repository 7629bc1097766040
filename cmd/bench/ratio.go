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

// comparison is the report about two sides: two builds of the server, or two matrices of the footage. "other" is the build of
// --against, or BT.601. "this" is the build of --server or its default, or BT.709.
type comparison struct {
	Command string     `json:"command"`
	Machine string     `json:"machine"`
	Began   time.Time  `json:"began"`
	Footage string     `json:"footage"`
	Wall    string     `json:"wall"`    // size and frame rate
	Seconds float64    `json:"seconds"` // length of one measurement
	This    string     `json:"this"`    // path of the program, or name of the matrix
	Other   string     `json:"other"`   // likewise
	Rows    []ratioRow `json:"rows"`
}

// ratioRow is one row of a comparison.
type ratioRow struct {
	Case  string `json:"case"` // as in --only
	Unit  string `json:"unit"`
	Pairs []pair `json:"pairs"` // only those that were measured
}

// pair has the costs of both sides, measured one right after the other.
type pair struct {
	This  float64 `json:"this"`
	Other float64 `json:"other"`
}

func (p pair) ratio() float64 { return p.This / p.Other }

// column returns one value of every pair, which the function value selects or computes.
func (r ratioRow) column(value func(pair) float64) []float64 {
	all := make([]float64, len(r.Pairs))
	for i, p := range r.Pairs {
		all[i] = value(p)
	}
	return all
}

// medianInterval returns a 95 % confidence interval of the median, for samples v of any distribution. The ends of the interval
// are the k-th smallest and the k-th largest value. k is the largest number for which the true median lies outside of the
// interval with a probability of at most 5 %. With less than six values there is no such k, and ok is false. This is the
// interval of the sign test.
func medianInterval(v []float64) (low, high float64, ok bool) {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	term := 1.0 // after the next loop: the probability that exactly k of the n values lie below the true median
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

// line formats the row in Markdown.
func (r ratioRow) line() string {
	if len(r.Pairs) == 0 {
		return fmt.Sprintf("| %s, %s | not measured |  |  |  |  |\n", r.Case, r.Unit)
	}
	ratios := r.column(pair.ratio)
	interval, verdict := "needs six pairs", ""
	if low, high, ok := medianInterval(ratios); ok {
		interval, verdict = fmt.Sprintf("%.3f–%.3f", low, high), verdictOf(low, high)
	}
	this, other := median(r.column(func(p pair) float64 { return p.This })), median(r.column(func(p pair) float64 { return p.Other }))
	return fmt.Sprintf("| %s, %s | %.3f | %.3f | %.3f of %d | %s | %s |\n",
		r.Case, r.Unit, other, this, median(ratios), len(ratios), interval, verdict)
}

// verdictOf says whether this side costs less or more than the other. low and high are the ends of the median ratio's
// interval. If the interval contains 1, the verdict is that both cost the same.
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
	s.WriteString("| case | other | this | median of this/other, of pairs | its 95 % interval | this costs |\n|---|---|---|---|---|---|\n")
	for _, r := range c.Rows {
		s.WriteString(r.line())
	}
	_, err := io.WriteString(out, s.String())
	return err
}

// publish writes the comparison as Markdown to out. It also saves the comparison as JSON, unless file is empty. It returns
// an error that names the rows without a measured pair, if there are such rows.
func (c comparison) publish(out io.Writer, file string) error {
	if err := c.table(out); err != nil {
		return err
	}
	if file != "" {
		if err := saveJSON(file, c); err != nil {
			return err
		}
	}
	return unmeasuredError(c.unmeasured())
}

// unmeasured returns the names of the rows without a measured pair.
func (c comparison) unmeasured() []string {
	var all []string
	for _, r := range c.Rows {
		if len(r.Pairs) == 0 {
			all = append(all, r.Case)
		}
	}
	return all
}

// saveJSON writes v to a file as indented JSON.
func saveJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(name), append(data, '\n'), 0o644)
}
